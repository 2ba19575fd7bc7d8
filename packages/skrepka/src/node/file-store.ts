/**
 * The store of programs: one file, a line for each change. A line that was not written whole is dropped when the file is
 * opened, so a change is there entirely or not at all. The file is written anew, beside and renamed, once most of it is
 * of no use any more.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fromBase64, toBase64 } from '../base64.ts'
import { createLock } from '../capabilities.ts'
import { SkrepkaError } from '../errors.ts'
import { createItems, type Items } from '../memory-store.ts'
import type { Store, StoreChange } from '../store.ts'

/** A file with more lines than this, and than twice its items, is written anew. */
const linesMin = 1000
/** Items of one line when the file is written anew. */
const itemsPerLine = 200
/** Only its owner may read it: it holds what people said. */
const mode = 0o600

/** Opens (or makes) the file. Only one process may have it open; who takes care of that is the caller. */
export async function openFileStore(path: string): Promise<Store> {
  const items = createItems()
  const read = await readLines(path, items)
  let file = await rewritten(path, items)
  let lines = read === 0 ? 0 : Math.ceil(items.count() / itemsPerLine)
  let failed: unknown
  const lock = createLock()

  const write = async (changes: readonly StoreChange[]) => {
    if (failed !== undefined)
      throw new SkrepkaError('storage', 'the file could not be written before', { cause: failed })
    try {
      await file.appendFile(lineOf(changes))
      await file.datasync()
      items.apply(structuredClone([...changes]))
      lines += 1
      if (lines <= linesMin || lines <= items.count() * 2) return
      const before = file
      file = await rewritten(path, items)
      await before.close()
      lines = Math.ceil(items.count() / itemsPerLine)
    } catch (cause) {
      // What is on the disk is not known any more; opening it again tells.
      failed = cause
      throw new SkrepkaError('storage', `the file ${path} could not be written`, { cause })
    }
  }
  return {
    get: async (collection, key) => structuredClone(items.get(collection, key)),
    list: async (collection, range) => structuredClone(items.list(collection, range)),
    write: changes => lock(() => write(changes)),
    close: () => lock(() => file.close()),
  }
}

/** Applies every whole line; gives how many there were. What follows a broken line is dropped. */
async function readLines(path: string, items: Items): Promise<number> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw new SkrepkaError('storage', `the file ${path} could not be read`, { cause: error })
  }
  let count = 0
  for (const line of text.split('\n')) {
    const changes = changesOf(line)
    if (changes === undefined) break
    items.apply(changes)
    count += 1
  }
  if (text !== '' && count === 0)
    throw new SkrepkaError('storage', `expected ${path} to be a Skrepka store, got another file`)
  return count
}

/** Writes all items beside the file, renames, and gives the new file open for appending. */
async function rewritten(path: string, items: Items): Promise<FileHandle> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', mode)
  let part: StoreChange[] = []
  await file.appendFile(lineOf([{ collection: 'store', key: 'version', value: 1 }]))
  for (const change of items.all()) {
    part.push(change)
    if (part.length < itemsPerLine) continue
    await file.appendFile(lineOf(part))
    part = []
  }
  if (part.length > 0) await file.appendFile(lineOf(part))
  await file.sync()
  await file.close()
  await rename(beside, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync()
  await folder.close()
  return open(path, 'a', mode)
}

/** `<16 hex digits of SHA-256> <JSON>\n` */
function lineOf(changes: readonly StoreChange[]): string {
  const json = JSON.stringify(
    changes.map(({ collection, key, value }) =>
      value === undefined ? [collection, key] : [collection, key, packed(value)],
    ),
  )
  return `${checkOf(json)} ${json}\n`
}

function changesOf(line: string): StoreChange[] | undefined {
  const json = line.slice(17)
  if (line[16] !== ' ' || checkOf(json) !== line.slice(0, 16)) return undefined
  const entries: unknown = JSON.parse(json)
  if (!Array.isArray(entries)) return undefined
  return entries.map((entry: unknown) => {
    const [collection, key, value]: unknown[] = Array.isArray(entry) ? entry : []
    return { collection: String(collection), key: String(key), value: unpacked(value) }
  })
}

function checkOf(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, 16)
}

/** Bytes become `{"$bytes": base64}`. */
function packed(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) }
  if (Array.isArray(value)) return value.map(packed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, packed(field)]))
}

function unpacked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpacked)
  if (typeof value !== 'object' || value === null) return value
  if ('$bytes' in value && typeof value.$bytes === 'string') return fromBase64(value.$bytes)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, unpacked(field)]))
}
