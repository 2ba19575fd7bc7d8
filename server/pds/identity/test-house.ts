/** What the tests of this room build on: a real database, a real PLC directory over HTTP, a server for handles. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createManualClock, type ManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { createOperatorFetch, createSafeFetch } from '../../kernel/fetch.ts'
import { createPlcClient } from '../../kernel/identity/plc-client.ts'
import { createPlcDirectory } from '../../kernel/identity/plc-directory.ts'
import { createIdentityResolver } from '../../kernel/identity/resolver.ts'
import type { Did, IdentityResolver, PlcClient } from '../../kernel/identity/types.ts'
import { createSealer } from '../../kernel/keys.ts'
import { silentLogger } from '../../kernel/log.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { type Account, accountByDid, type AccountStatus, insertAccount } from '../database/accounts.ts'
import { migrations } from '../database/schema.ts'
import type { Sequencer } from '../sync/events.ts'
import { createIdentityCreation, type IdentityCreation } from './creation.ts'
import { createDidChanges, type DidChanges } from './did-changes.ts'
import { createHandles, type Handles } from './handles.ts'
import { type AccountKeys, createAccountKeys } from './keys.ts'
import { createPlcActs, type PlcActs } from './plc-acts.ts'
import { createResolution, type Resolution } from './resolution.ts'
import { type AssertServedHere, createAssertServedHere } from './served-here.ts'
import { createIdentitySweeper, type IdentitySweeper } from './sweeper.ts'
import { createUpdateHandle, type UpdateHandle } from './update-handle.ts'

export const publicUrl = 'http://localhost:3334'

/** What happens to a call to the directory: it goes through, never arrives, or its answer gets lost. */
export type Weather = 'fine' | 'down' | 'answers lost'

export interface IdentityHouse {
  readonly clock: ManualClock
  readonly database: Database
  readonly plcUrl: string
  readonly plc: PlcClient
  readonly resolver: IdentityResolver
  readonly keys: AccountKeys
  readonly handles: Handles
  readonly creation: IdentityCreation
  readonly changes: DidChanges
  readonly updateHandle: UpdateHandle
  readonly plcActs: PlcActs
  readonly resolution: Resolution
  readonly assertServedHere: AssertServedHere
  readonly sweeper: IdentitySweeper
  /** The #identity events so far. */
  readonly announced: { readonly did: Did; readonly handle?: string }[]
  /** What the outside says: DIDs by handle, and other documents by path. */
  readonly outside: Map<string, string>
  /** The did:web whose document is `outside`'s `.well-known/did.json`. */
  readonly webDid: Did
  setWeather(weather: Weather): void
  /** Runs an act that is cut off just after the directory took its operation, as if the process ended there. */
  cutOff(act: () => Promise<unknown>): Promise<void>
  /** An account with its DID in the directory. */
  join(
    handle: string,
    options?: { readonly recoveryKey?: string; readonly status?: AccountStatus },
  ): Promise<Account>
  account(did: Did): Promise<Account>
  /** The rows of changes that are on their way. */
  pending(): Promise<number>
  close(): Promise<void>
}

export async function openIdentityHouse(
  options: { readonly operatorKey?: string } = {},
): Promise<IdentityHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-identity-'))
  const clock = createManualClock()
  const database = await openSqlite({ path: join(folder, 'leaf.sqlite'), clock })
  await database.migrate('pds', migrations)
  const directory = createPlcDirectory({ database, clock, log: silentLogger, version: '0' })
  const plcUrl = await directory.start({ port: 0 })
  const outside = new Map<string, string>()
  const web = await openHandleServer(outside)
  let weather: Weather = 'fine'
  const operatorFetch = createOperatorFetch()
  const fetch: typeof operatorFetch = async (url, given) => {
    if (weather === 'down') throw new Refusal('upstream', 'the directory is down')
    const response = await operatorFetch(url, given)
    if (weather === 'answers lost') throw new Refusal('upstream-timeout', 'the answer was lost')
    return response
  }
  const client = createPlcClient({ url: () => plcUrl, fetch })
  let cut = false
  const plc: PlcClient = {
    ...client,
    submit: async (did, operation) => {
      await client.submit(did, operation)
      if (cut) throw new Error('the process ends here')
    },
  }
  const resolver = createIdentityResolver({
    fetch: createSafeFetch({ allowLoopback: true }),
    operatorFetch: fetch,
    plcUrl: () => plcUrl,
    clock,
    allowLocalhost: true,
    resolveTxt: () => Promise.reject(new Error('ENOTFOUND')),
    wellKnownUrl: handle => `${web.url}/${handle}`,
  })
  const { operatorKey } = options
  const keys = createAccountKeys({
    sealer: createSealer('a sealing secret of 32 characters'),
    random: systemRandom,
  })
  const handles = createHandles({
    settings: { domains: ['test', 'people.example.com'], development: true, reserved: ['Cafe'] },
    database,
  })
  const announced: { readonly did: Did; readonly handle?: string }[] = []
  const sequencer: Pick<Sequencer, 'identity'> = {
    identity: (_tx, event) => Promise.resolve(announced.push(event)),
  }
  const creation = createIdentityCreation({ keys, plc, resolver, publicUrl, operatorKey })
  const changes = createDidChanges({ database, clock, plc, resolver, sequencer, handles })
  const account = async (did: Did) => {
    const found = await database.read(tx => accountByDid(tx, did))
    if (found === undefined) throw new Error(`no account ${did}`)
    return found
  }
  return {
    clock,
    database,
    plcUrl,
    plc,
    resolver,
    keys,
    handles,
    creation,
    changes,
    updateHandle: createUpdateHandle({ database, handles, keys, plc, resolver, changes }),
    plcActs: createPlcActs({ database, keys, plc, changes, publicUrl, operatorKey }),
    resolution: createResolution({ database, handles, resolver }),
    assertServedHere: createAssertServedHere({ plc, resolver, publicUrl }),
    sweeper: createIdentitySweeper({ database, clock, changes, log: silentLogger }),
    announced,
    outside,
    webDid: `did:web:localhost%3A${web.port}`,
    setWeather: next => {
      weather = next
    },
    cutOff: async act => {
      cut = true
      await act().then(
        () => Promise.reject(new Error('the act went through')),
        () => undefined,
      )
      cut = false
    },
    join: async (handle, { recoveryKey, status = 'active' } = {}) => {
      const prepared = creation.prepareIdentity({
        handle,
        ...(recoveryKey === undefined ? {} : { recoveryKey }),
      })
      const { did, operation, ...stored } = prepared
      await creation.publishIdentity(did, operation)
      await database.write(tx =>
        insertAccount(tx, {
          did,
          handle,
          ...stored,
          email: `${handle}@mail.test`,
          emailConfirmedAt: null,
          passwordHash: null,
          status,
          recoveryKey: recoveryKey ?? null,
          inviteCode: null,
          createdAt: clock.now(),
        }),
      )
      return account(did)
    },
    account,
    pending: async () => {
      const row = await database.read(tx =>
        tx.get<{ count: number }>('SELECT count(*) AS count FROM pds_pending_operations'),
      )
      return row?.count ?? 0
    },
    close: async () => {
      await directory.stop()
      await web.close()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function openHandleServer(outside: ReadonlyMap<string, string>) {
  const server = createServer((request, response: ServerResponse) => {
    const did = outside.get((request.url ?? '').slice(1))
    response.writeHead(did === undefined ? 404 : 200).end(did)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
}
