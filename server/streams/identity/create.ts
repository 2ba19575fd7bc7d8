/** New streams: a key, a DID in the directory, a row. */
import { Refusal } from '../../kernel/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import { isDid } from '../../kernel/identity/did.ts'
import type { PlcClient } from '../../kernel/identity/types.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { hasModule } from '../database/modules.ts'
import { deletePending, insertPending, type PendingStream } from '../database/pending.ts'
import { streamIdMax } from '../database/place.ts'
import { insertStream } from '../database/streams.ts'
import { signedIn } from '../stream/append.ts'
import type { Streams } from '../stream/contract.ts'
import type { Quotas } from '../stream/quota.ts'
import type { StreamKeys } from './keys.ts'
import type { MayCreate } from './may-create.ts'
import { genesisOf, publish, standsThere, storedOperation } from './plc.ts'

export interface Creation {
  create: Streams['create']
  /** Finishes what stands in the directory, and undoes what does not. Throws when the directory says nothing. */
  settle(pending: PendingStream): Promise<'finished' | 'undone'>
}

const clientStampMax = 64

export function createCreation(deps: {
  readonly database: Pick<Database, 'write' | 'direct'>
  readonly keys: StreamKeys
  readonly plc: PlcClient
  readonly clock: Clock
  readonly log: Logger
  readonly quotas: Quotas
  readonly mayCreate: MayCreate
  readonly endpoint: string
  readonly node: string | null
  readonly onCreated: () => void
}): Creation {
  const { database, keys, plc, clock, log, quotas, mayCreate, endpoint, node, onCreated } = deps

  const finish = async (pending: PendingStream): Promise<boolean> => {
    const made = await database.write(async tx => {
      if (!(await deletePending(tx, pending.did))) return false
      const id = await insertStream(tx, {
        did: pending.did,
        owners: [pending.owner],
        module: pending.module,
        clientStamp: pending.clientStamp,
        signingKey: pending.signingKey,
        signingKeySealed: pending.signingKeySealed,
        node,
        createdAt: pending.createdAt,
      })
      if (id !== undefined && id > streamIdMax) {
        throw new Refusal('unavailable', `this house has had ${streamIdMax} streams`)
      }
      return id !== undefined
    })
    if (made) onCreated()
    return made
  }
  const prepare = (owner: string, module: string, clientStamp: string | null) => {
    const key = keys.create()
    const { did, operation } = genesisOf(key, endpoint)
    const pending: PendingStream = {
      did,
      owner,
      module,
      clientStamp,
      operation: JSON.stringify(operation),
      signingKey: key.didKey,
      signingKeySealed: keys.seal(did, key),
      createdAt: clock.now(),
    }
    return { did, operation, pending }
  }

  return {
    create: async ({ caller, moduleCid, clientStamp }) => {
      const owner = signedIn(caller, 'Only authenticated users can create_streams')
      if (clientStamp !== null && (clientStamp.length > clientStampMax || clientStamp.includes('\0'))) {
        throw new Refusal('invalid', `expected a clientStamp of at most ${clientStampMax} characters`)
      }
      if (!(await hasModule(database.direct, moduleCid))) throw moduleAbsent(moduleCid)
      await mayCreate.checkMayCreate({ ...caller, did: owner })
      const { did, operation, pending } = prepare(owner, moduleCid, clientStamp)
      // In the transaction once more: from here on the module is not collected.
      await database.write(async tx => {
        if (!(await hasModule(tx, moduleCid))) throw moduleAbsent(moduleCid)
        await quotas.checkStreams(tx, owner)
        await insertPending(tx, pending)
      })
      try {
        await publish(plc, did, operation)
      } catch (error) {
        // Refused for certain: nothing stands there. What is uncertain is the sweeper's.
        if (error instanceof Refusal && error.code === 'invalid') {
          await database.write(tx => deletePending(tx, did))
        }
        throw error
      }
      await finish(pending)
      log.info({ stream: did, owner, module: moduleCid }, 'created a stream')
      return { streamDid: did, clientStamp }
    },
    settle: async pending => {
      const operation = storedOperation(pending.operation)
      const { did } = pending
      if (operation !== undefined && isDid(did) && (await standsThere(plc, did, operation))) {
        await finish(pending)
        return 'finished'
      }
      await database.write(tx => deletePending(tx, did))
      return 'undone'
    },
  }
}

const moduleAbsent = (cid: string) =>
  new Refusal('missing', `Module not found, it must be uploaded before creating a stream with it: ${cid}`)
