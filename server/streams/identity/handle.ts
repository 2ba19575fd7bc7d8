/** Handles of streams: `leaf://<handle>` among the names of their DIDs. */
import { ensureValidHandle } from '@atproto/syntax'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { isDid } from '../../kernel/identity/did.ts'
import type { PlcClient } from '../../kernel/identity/types.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { deletePendingHandle, insertPendingHandle, type PendingHandle } from '../database/pending.ts'
import { setHandle } from '../database/streams.ts'
import type { StreamEntry } from '../stream/entry.ts'
import type { Registry } from '../stream/registry.ts'
import { forbidden } from '../stream/texts.ts'
import type { StreamKeys } from './keys.ts'
import { handleOperation, publish, standsThere, storedOperation } from './plc.ts'

export interface Handles {
  /** Who may is the caller's matter. */
  set(entry: StreamEntry, handle: string | null): Promise<void>
  /** Finishes a change that stands in the directory, and forgets one that does not. Throws when the directory says nothing. */
  settle(pending: PendingHandle): Promise<'finished' | 'undone'>
}

export function createHandles(deps: {
  readonly database: Pick<Database, 'write' | 'direct'>
  readonly registry: Registry
  readonly keys: StreamKeys
  readonly plc: PlcClient
  readonly clock: Clock
}): Handles {
  const { database, registry, keys, plc, clock } = deps

  const finish = async (did: string, stream: number, handle: string | null) => {
    await database.write(async tx => {
      if (await deletePendingHandle(tx, stream)) await setHandle(tx, stream, handle)
    })
    const entry = registry.peek(did)
    if (entry !== undefined) await entry.lane.exclusive(async () => void (entry.record = undefined))
  }
  const forget = (stream: number) => database.write(tx => deletePendingHandle(tx, stream))

  return {
    set: async (entry, given) => {
      const handle = given === null ? null : normalised(given)
      const record = await registry.record(entry)
      const key = await keys.signerOf(database.direct, record)
      if (key === undefined) throw forbidden('No signing key found for DID: cannot update handle')
      const { did } = record
      if (!isDid(did)) throw forbidden('The DID of the stream is none')
      const operation = handleOperation(await plc.last(did), handle, key)
      const pending = {
        stream: record.id,
        handle,
        operation: JSON.stringify(operation),
        createdAt: clock.now(),
      }
      if (!(await database.write(tx => insertPendingHandle(tx, pending)))) {
        throw new Refusal('conflict', 'Another handle of this stream is on its way to the PLC directory')
      }
      try {
        await publish(plc, did, operation)
      } catch (error) {
        // Refused for certain; what is uncertain is the sweeper's.
        if (error instanceof Refusal && error.code === 'invalid') await forget(record.id)
        throw error
      }
      await finish(did, record.id, handle)
    },
    settle: async ({ did, stream, handle, operation: json }) => {
      const operation = storedOperation(json)
      if (operation !== undefined && isDid(did) && (await standsThere(plc, did, operation))) {
        await finish(did, stream, handle)
        return 'finished'
      }
      await forget(stream)
      return 'undone'
    },
  }
}

/** A domain name, in lower case. Throws Refusal `invalid`. */
function normalised(handle: string): string {
  const lower = handle.toLowerCase()
  try {
    ensureValidHandle(lower)
  } catch (cause) {
    throw new Refusal('invalid', 'expected a handle: a domain name like garden.example.com', { cause })
  }
  return lower
}
