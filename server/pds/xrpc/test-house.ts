/** What the tests and measurements of repositories build on: a real database, a real HTTP server, real keys. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeCache } from '@leaf/atproto/node-source'
import { type Clock, createManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { RequestContext } from '../../kernel/http/route.ts'
import type { Did, DidDocument } from '../../kernel/identity/types.ts'
import { createSealer } from '../../kernel/keys.ts'
import type { Limiter } from '../../kernel/limit.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { openSequence } from '../../kernel/storage/sequence.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import type { Authenticate } from '../auth/credentials.ts'
import { accountByDid, insertAccount, setStatus } from '../database/accounts.ts'
import { migrations } from '../database/schema.ts'
import { createAccountKeys } from '../identity/keys.ts'
import { createRateLimits, type RateLimitOptions } from '../middleware/ratelimit.ts'
import type { Repositories } from '../repo/acts.ts'
import { createBlobRefs } from '../repo/blob-refs.ts'
import { createReading } from '../repo/reading.ts'
import { createRepositories } from '../repo/repository.ts'
import { createSequencer } from '../sync/sequencer.ts'
import { createLexiconFiles } from '../validation/lexicon-files.ts'
import { createLexicons } from '../validation/lexicons.ts'
import { createApplyWrites } from './handlers/repo/apply-writes.ts'
import { createCreateRecord } from './handlers/repo/create-record.ts'
import { createDeleteRecord } from './handlers/repo/delete-record.ts'
import { createDescribeRepo } from './handlers/repo/describe-repo.ts'
import { createGetRecord } from './handlers/repo/get-record.ts'
import { createListRecords } from './handlers/repo/list-records.ts'
import { createPutRecord } from './handlers/repo/put-record.ts'
import { refuse } from './refuse.ts'
import { type AnyXrpcMethod, createXrpc } from './server.ts'

export const alice: Did = 'did:plc:alicealicealicealicealic'
export const bob: Did = 'did:plc:bobbobbobbobbobbobbobbobb'

export interface RepoHouseOptions {
  /** Default: a fresh SQLite file. */
  readonly database?: Database
  readonly clock?: Clock
  readonly limits?: Pick<RateLimitOptions, 'preset' | 'overrides'> & { readonly limiter: Limiter }
  readonly methods?: readonly AnyXrpcMethod[]
  readonly recordBytesMax?: number
}

export interface RepoHouse {
  readonly url: string
  readonly database: Database
  readonly repositories: Repositories
  /** An active account with an empty repository. */
  addAccount(did: Did, handle: string): Promise<number>
  setStatus(did: Did, status: 'active' | 'deactivated' | 'takendown'): Promise<void>
  /** Calls a method; `as` is whose token goes along. */
  call(nsid: string, options?: CallOptions): Promise<CallAnswer>
  close(): Promise<void>
}

export interface CallOptions {
  readonly params?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly as?: Did
  readonly init?: RequestInit
}

export interface CallAnswer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
  readonly body: any
  readonly headers: Headers
}

/** Opens repositories with their XRPC methods on SQLite; a token is the DID itself. */
export async function openRepoHouse(options: RepoHouseOptions = {}): Promise<RepoHouse> {
  const clock = options.clock ?? createManualClock()
  const folder = await mkdtemp(join(tmpdir(), 'leaf-repo-'))
  const database = options.database ?? (await openSqlite({ path: join(folder, 'leaf.sqlite'), clock }))
  await database.migrate('pds', migrations)
  const sequence = await openSequence({ database, name: 'firehose', folder })
  const sealer = createSealer('a secret of the tests, long enough for them')
  const keys = createAccountKeys({ sealer, random: systemRandom })
  const lexicons = createLexicons(createLexiconFiles())
  const repositories = createRepositories({
    database,
    clock,
    random: systemRandom,
    sequencer: createSequencer({ clock, nextSeq: sequence.next }),
    blobs: createBlobRefs({ clock }),
    keys,
    rules: { lexicons, recordBytesMax: options.recordBytesMax ?? 1_000_000 },
    nodeCache: createNodeCache({ bytesMax: 32 * 1024 * 1024 }),
  })
  const reading = createReading({ database, renderBytesMax: 8 * 1024 * 1024 })
  const writing = { database, repositories, writeBytesMax: 1_000_000 }
  const route = createXrpc({
    methods: [
      createCreateRecord(writing),
      createPutRecord(writing),
      createDeleteRecord(writing),
      createApplyWrites(writing),
      createGetRecord({ reading }),
      createListRecords({ reading }),
      createDescribeRepo({ reading, documentOf: async did => documentOf(did) }),
      ...(options.methods ?? []),
    ],
    authenticate: createTestAuthenticate(database),
    limits: createRateLimits({
      clock,
      log: silentLogger,
      ...(options.limits ?? { preset: 'off', overrides: {}, limiter: noLimiter }),
    }),
    lexicons,
    clock,
    metrics: noMetrics,
    version: '0.0.0-test',
    check: () => database.check(),
    jsonBytesMax: 150 * 1024,
  })

  const server = createServer((request, response) => {
    const context: RequestContext = {
      id: 'request-1',
      address: '192.0.2.1',
      secure: false,
      host: 'localhost',
      signal: new AbortController().signal,
    }
    Promise.resolve(route.handle(request, response, context)).catch((error: unknown) => {
      response.writeHead(500, { 'x-fault': encodeURIComponent(String(error)) }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    database,
    repositories,
    addAccount: async (did, handle) => {
      const stored = keys.seal(did, keys.create())
      return database.write(async tx => {
        const account = {
          did,
          handle,
          email: null,
          emailConfirmedAt: null,
          passwordHash: null,
          status: 'active',
          recoveryKey: null,
          inviteCode: null,
          createdAt: clock.now(),
          ...stored,
        } as const
        const id = await insertAccount(tx, account)
        await repositories.createEmpty(
          tx,
          { id, did, signingKeySealed: stored.signingKeySealed },
          { announce: true },
        )
        return id
      })
    },
    setStatus: (did, status) =>
      database.write(async tx => {
        const account = await accountByDid(tx, did)
        if (account !== undefined)
          await setStatus(tx, account.id, status, status === 'active' ? null : clock.now())
      }),
    call: (nsid, call = {}) => send(url, nsid, call),
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await sequence.close()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function send(url: string, nsid: string, { params, json, as, init }: CallOptions): Promise<CallAnswer> {
  const query = params === undefined ? '' : `?${new URLSearchParams(params)}`
  const headers: Record<string, string> = {}
  if (as !== undefined) headers['authorization'] = `Bearer ${as}`
  if (json !== undefined) headers['content-type'] = 'application/json'
  const response = await fetch(`${url}/xrpc/${nsid}${query}`, {
    ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
    ...init,
    headers: { ...headers, ...(init?.headers as Record<string, string> | undefined) },
  })
  const text = await response.text()
  let body: unknown = text
  if (response.headers.get('content-type')?.startsWith('application/json') === true) body = JSON.parse(text)
  return { status: response.status, body, headers: response.headers }
}

function createTestAuthenticate(database: Database): Authenticate {
  return async (rule, authorization) => {
    if (rule.need === 'nothing') return { kind: 'none' }
    const did = authorization?.replace(/^Bearer /, '')
    if (did === undefined) throw refuse('AuthMissing', 'Authentication Required')
    const account = await database.read(tx => accountByDid(tx, did))
    if (account === undefined) throw refuse('InvalidToken', 'Token could not be verified')
    return {
      kind: 'session',
      did: account.did,
      account: account.id,
      status: account.status,
      sessionId: 'test',
      scope: 'com.atproto.access',
    }
  }
}

function documentOf(did: Did): DidDocument {
  return { id: did, alsoKnownAs: [did === alice ? 'at://alice.test' : 'at://other.test'] }
}

const noLimiter: Limiter = {
  consume: async () => {
    throw new Refusal('limited', 'nothing is to be counted')
  },
  restore: async () => undefined,
  close: async () => undefined,
}
