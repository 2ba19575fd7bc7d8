import { hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Refusal } from '../errors.ts'
import type { Random } from '../random.ts'
import { type BlobBody, type BlobStore, clampRange, isBlobKey } from './blobs.ts'
import { readOnlyRefusal } from './disk-guard.ts'

/**
 * Where a key's bytes are: each segment is a folder named after it, the last one a file, whose name ends in `=`, so that
 * `a` and `a/b` can both be there. Each stands in one of 256 folders by its hash, so that none becomes huge.
 */
const fileMark = '='

/** What a read takes from the disk at a time. */
const readBytes = 256 * 1024

/** Opens (and makes) a blob store in the folder `root`. Uploads that a crash left unfinished are removed. */
export async function openBlobDisk(options: {
  readonly root: string
  readonly random: Random
}): Promise<BlobStore> {
  const { root, random } = options
  const unfinished = join(root, 'unfinished')
  const content = join(root, 'content')
  await rm(unfinished, { recursive: true, force: true })
  await makeFolder(unfinished)
  await makeFolder(content)

  const pathOf = (key: string): string => {
    if (!isBlobKey(key)) throw new Error(`not a blob key: ${JSON.stringify(key.slice(0, 200))}`)
    return `${folderOf(content, key.split('/'))}${fileMark}`
  }
  const freshPath = () => join(unfinished, Buffer.from(random.bytes(16)).toString('hex'))

  return {
    put: async (key, body, { bytesMax }) => {
      const path = pathOf(key)
      const fresh = freshPath()
      try {
        const size = await writeDurably(fresh, body, bytesMax)
        await place(fresh, path)
        return { size }
      } catch (error) {
        await rm(fresh, { force: true })
        if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT'))
          throw readOnlyRefusal('the disk is full', error)
        throw error
      }
    },
    move: async (from, to) => {
      const path = pathOf(from)
      try {
        await place(path, pathOf(to))
      } catch (error) {
        if (hasCode(error, 'ENOENT')) throw new Refusal('missing', 'there is no such blob', { cause: error })
        throw error
      }
      await syncFolder(dirname(path))
    },
    get: (key, range) => readBlob(pathOf(key), range),
    remove: key => rm(pathOf(key), { force: true }),
    removeAll: async prefix => {
      await rm(folderOf(content, prefixSegments(prefix)), { recursive: true, force: true })
    },
    list: async (prefix, { after = '', limit }) => {
      const keys: string[] = []
      const segments = prefixSegments(prefix)
      for await (const key of keysUnder(folderOf(content, segments), segments.join('/'), after)) {
        if (keys.length >= limit) break
        keys.push(key)
      }
      return keys
    },
    check: async () => {
      const path = freshPath()
      await writeDurably(path, [new Uint8Array([0])], 1)
      await rm(path)
    },
  }
}

function folderOf(content: string, segments: readonly string[]): string {
  return join(content, ...segments.flatMap(segment => [hash('sha256', segment).slice(0, 2), segment]))
}

/** The segments of a prefix that ends in `/`; none for the empty one. */
function prefixSegments(prefix: string): string[] {
  if (prefix === '') return []
  const key = prefix.slice(0, -1)
  if (!prefix.endsWith('/') || !isBlobKey(key))
    throw new Error(`not a blob prefix: ${JSON.stringify(prefix.slice(0, 200))}`)
  return key.split('/')
}

async function writeDurably(
  path: string,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
): Promise<number> {
  const file = await open(path, 'wx', 0o600)
  try {
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > bytesMax) throw new Refusal('too-large', `a blob may have ${bytesMax} bytes`)
      await writeAll(file, chunk)
    }
    await file.sync()
    return size
  } finally {
    await file.close()
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done)
    done += bytesWritten
  }
}

/** Renames into place, durably; makes the folder when it is not there (any more). */
async function place(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  try {
    await rename(from, to)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    await makeFolder(folder)
    await rename(from, to)
  }
  await syncFolder(folder)
}

/** Makes a folder and those above it, each durably in its parent. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first || made === dirname(made)) return
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function readBlob(
  path: string,
  range: { readonly start: number; readonly end: number } | undefined,
): Promise<BlobBody | undefined> {
  try {
    const { size } = await stat(path)
    const { start, end } = clampRange(range, size)
    return { size, body: readFrom(path, start, end) }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

// The file is opened when the first byte is wanted, so that a body nobody reads (HEAD) holds nothing open.
async function* readFrom(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (start === end) return
  const file = await open(path, 'r')
  try {
    for (let position = start; position < end; ) {
      const buffer = new Uint8Array(Math.min(readBytes, end - position))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) throw new Error('a blob is shorter than it was')
      position += bytesRead
      yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

interface Entry {
  /** The key of a file, or the prefix (with its `/`) of a folder. */
  readonly key: string
  readonly folder: string | undefined
}

/** Every key under a folder that comes after `after`, ascending. Holds one folder's names a level. */
async function* keysUnder(folder: string, prefix: string, after: string): AsyncGenerator<string> {
  const entries = await entriesOf(folder, prefix)
  for (const { key, folder: inner } of entries) {
    if (inner === undefined) {
      if (key > after) yield key
    } else if (key > after || after.startsWith(key)) {
      yield* keysUnder(inner, key.slice(0, -1), after)
    }
  }
}

async function entriesOf(folder: string, prefix: string): Promise<Entry[]> {
  const start = prefix === '' ? '' : `${prefix}/`
  const entries: Entry[] = []
  for (const fan of await namesOf(folder)) {
    for (const name of await namesOf(join(folder, fan))) {
      if (name.endsWith(fileMark))
        entries.push({ key: start + name.slice(0, -fileMark.length), folder: undefined })
      else entries.push({ key: `${start}${name}/`, folder: join(folder, fan, name) })
    }
  }
  return entries.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

async function namesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
