/**
 * Whole repositories as CAR files: the commit, then the tree in pre-order with records in place. Content is read in short
 * steps, so that neither writers nor the write-ahead log wait for a slow reader. What a reader gets is always one commit:
 * if that goes while it is read, the export begins anew as long as nothing was sent, and breaks off when something was.
 */
import { MissingBlockError } from '@leaf/atproto/errors'
import { Refusal } from '../../kernel/errors.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { repoState, type RepoState } from '../database/repo-state.ts'
import { createExportSource } from './export-source.ts'
import { type Ahead, createHeldBlocks, type HeldBlocks } from './held-blocks.ts'

export interface RepoExports {
  /**
   * The repository of an account; undefined when it has none. `since`: a rev of which the reader has all blocks already.
   * The stream fails when the repository changed in a way that it cannot be completed.
   */
  car(account: number, since?: string): Promise<AsyncIterable<Uint8Array> | undefined>
}

export interface RepoExportOptions {
  readonly database: Pick<Database, 'read'>
  /** Bytes of one export that are read ahead of its reader, and of blocks that are read before they are needed. */
  readonly aheadBytesMax?: number
  /** Records past which only the nodes are read first: records seldom change, nodes with every commit. */
  readonly largeRecords?: number
}

const aheadBytesMaxDefault = 8 * 1024 * 1024
const largeRecordsDefault = 20_000
/** Bytes of all exports together that are read ahead; past it they are read as they are taken. */
const aheadBytesOfAllMax = 64 * 1024 * 1024
/** How often an export begins anew. */
const attemptsMax = 8
export function createRepoExports(options: RepoExportOptions): RepoExports {
  const { database, aheadBytesMax = aheadBytesMaxDefault, largeRecords = largeRecordsDefault } = options
  const ahead: Ahead = { bytes: 0 }
  const open = createExportSource({ database, largeRecords })

  const isUnchanged = async (account: number, state: RepoState): Promise<boolean> => {
    const now = await database.read(tx => repoState(tx, account))
    return now?.headRev === state.headRev
  }

  /** Reads ahead; undefined when the commit went meanwhile. */
  const attempt = async (
    account: number,
    state: RepoState,
    since: string | undefined,
  ): Promise<Begun | undefined> => {
    const held = createHeldBlocks(ahead, { bytesMax: aheadBytesMax, bytesOfAllMax: aheadBytesOfAllMax })
    const begun: Begun = { chunks: [], bytes: 0, rest: undefined, held }
    try {
      begun.rest = await open(account, state, since, held)
      while (begun.bytes < aheadBytesMax && ahead.bytes < aheadBytesOfAllMax) {
        const next = await begun.rest.next()
        if (next.done === true) {
          begun.rest = undefined
          break
        }
        begun.chunks.push(next.value)
        begun.bytes += next.value.length
        ahead.bytes += next.value.length
      }
      return begun
    } catch (error) {
      held.drop()
      ahead.bytes -= begun.bytes
      if (!(error instanceof MissingBlockError)) throw error
      if (!(await isUnchanged(account, state))) return undefined
      throw new Error(`the repository of account ${account} is incomplete`, { cause: error })
    }
  }

  return {
    car: async (account, since) => {
      for (let count = 0; count < attemptsMax; count += 1) {
        const state = await database.read(tx => repoState(tx, account))
        if (state === undefined) return undefined
        const begun = await attempt(account, state, since)
        if (begun !== undefined) return deliver(begun, ahead)
      }
      throw new Refusal('unavailable', 'the repository changes faster than it can be read', {
        retryAfterMs: 1000,
      })
    },
  }
}

/** An export of which something was read ahead. */
interface Begun {
  readonly chunks: Uint8Array[]
  bytes: number
  rest: AsyncIterator<Uint8Array> | undefined
  readonly held: HeldBlocks
}

/** Gives what was read ahead, then the rest. */
function deliver(begun: Begun, ahead: Ahead): AsyncIterable<Uint8Array> {
  const { chunks, rest, held } = begun
  const release = (bytes: number) => {
    begun.bytes -= bytes
    ahead.bytes -= bytes
  }
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      const chunk = chunks.shift()
      if (chunk === undefined) return nextOf(begun)
      release(chunk.length)
      return { done: false, value: chunk }
    },
    return: async () => {
      chunks.length = 0
      release(begun.bytes)
      held.drop()
      await rest?.return?.()
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

async function nextOf({ rest, held }: Begun): Promise<IteratorResult<Uint8Array, undefined>> {
  try {
    const next = await rest?.next()
    if (next !== undefined && next.done !== true) return next
  } catch (error) {
    held.drop()
    throw error
  }
  held.drop()
  return { done: true, value: undefined }
}
