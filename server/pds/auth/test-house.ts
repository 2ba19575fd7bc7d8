/** What the tests of accounts build on: a real database, directory and repositories; time is moved by hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeCache } from '@leaf/atproto/node-source'
import { atprotoKeyOf } from '../../kernel/identity/document.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { verifySignature } from '../../kernel/keys.ts'
import { silentLogger } from '../../kernel/log.ts'
import { systemRandom } from '../../kernel/random.ts'
import { openSequence } from '../../kernel/storage/sequence.ts'
import { type Account, accountByDid } from '../database/accounts.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from '../identity/test-house.ts'
import { createMailbox } from '../mail/mailbox.ts'
import { createBlobRefs } from '../repo/blob-refs.ts'
import { createRepositories } from '../repo/repository.ts'
import { createSequencer } from '../sync/sequencer.ts'
import { createLexiconFiles } from '../validation/lexicon-files.ts'
import { createLexicons } from '../validation/lexicons.ts'
import type { XrpcMethod } from '../xrpc/method.ts'
import { createAccountStatus } from './account-status.ts'
import { createAppPasswords } from './app-passwords.ts'
import { createCookies } from './cookies.ts'
import { createCreateAccount } from './create-account.ts'
import { createCreationSweeper, createSettleCreationOf } from './creation-sweeper.ts'
import { createCsrf } from './csrf.ts'
import { createEmailTokens } from './email-tokens.ts'
import { createAuthenticate } from './guard.ts'
import { createInvites } from './invites.ts'
import { createLogIn } from './log-in.ts'
import { createPageSessions } from './page-session.ts'
import { createPasswords } from './password.ts'
import { createServiceJwtCheck } from './service-jwt.ts'
import { createSessions, type Origin } from './session.ts'
import type { SignUpPolicy } from './sign-up-policy.ts'
import { createTokens } from './token.ts'

export const serviceDid = 'did:web:localhost%3A3334'
export const jwtSecret = 'a secret of the tests, long enough'
export const accessMs = 15 * 60_000
export const refreshMs = 30 * 86_400_000
export const somewhere: Origin = { device: 'a test', address: '192.0.2.1' }

export type AuthHouse = Awaited<ReturnType<typeof openAuthHouse>>

/** Everything of accounts but providers and routes. */
export async function openAuthHouse(policy: Partial<SignUpPolicy> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-auth-'))
  const identity = await openIdentityHouse()
  const { database, clock, keys, handles, creation, resolver } = identity
  const sequence = await openSequence({ database, name: 'firehose', folder })
  const sequencer = createSequencer({ clock, nextSeq: tx => sequence.next(tx) })
  const repositories = createRepositories({
    database,
    clock,
    random: systemRandom,
    sequencer,
    blobs: createBlobRefs({ clock }),
    keys,
    rules: { lexicons: createLexicons(createLexiconFiles()), recordBytesMax: 1_000_000 },
    nodeCache: createNodeCache({ bytesMax: 1024 * 1024 }),
  })
  const random = systemRandom
  const tokens = createTokens({ clock, secret: jwtSecret, serviceDid, accessMs })
  const sessions = createSessions({ database, clock, random, tokens, refreshMs })
  // The cheapest parameters: what is tested here is not how long it takes.
  const passwords = createPasswords({ random, cost: { cost: 4, blockSize: 8, parallel: 1 } })
  const cookies = createCookies({ production: false, port: 3334 })
  const csrf = createCsrf({ secret: jwtSecret, publicUrl, production: false })
  const finishing = { database, clock, repositories, sequencer }
  const createAccountWith = (identityCreation: typeof creation) =>
    createCreateAccount({
      ...finishing,
      policy: { signUp: 'open', migrationIn: true, ...policy },
      identity: identityCreation,
      handles,
      resolveHandle: handle => resolver.handle(handle),
      passwords,
      log: silentLogger,
    })
  const createAccount = createAccountWith(creation)
  const settling = { ...finishing, identity: creation, log: silentLogger }
  const mailbox = createMailbox({ database, clock })
  const authenticate = createAuthenticate({
    database,
    clock,
    tokens,
    checkServiceJwt: createServiceJwtCheck({
      clock,
      serviceDid,
      resolver,
      signingKeyOf: atprotoKeyOf,
      verifySignature,
    }),
  })
  return {
    ...identity,
    repositories,
    sequencer,
    random,
    tokens,
    sessions,
    passwords,
    cookies,
    csrf,
    mailbox,
    authenticate,
    createAccount,
    createAccountWith,
    appPasswords: createAppPasswords({ database, clock, random }),
    logIn: createLogIn({ database, passwords }),
    pageSessions: createPageSessions({ database, clock, random, cookies, csrf, sessionMs: refreshMs }),
    emailTokens: createEmailTokens({ database, clock, random, mail: mailbox, hostname: 'leaf.test' }),
    invites: createInvites({ database, clock, random, hostname: 'leaf.test' }),
    sweepCreations: createCreationSweeper(settling),
    settleCreationOf: createSettleCreationOf(settling),
    status: createAccountStatus({
      database,
      clock,
      assertServedHere: identity.assertServedHere,
      repositories,
      sequencer,
      forget: ({ id }) => keys.forget(id),
    }),
    /** An account by name, made in the ordinary way; its password is `password of <name>`. */
    person: (name: string) => createPerson(name, { identity, createAccount }),
    /** Opens a session of a client. */
    open: (account: Account, kind: 'access' | 'appPass' | 'appPassPrivileged' | 'takendown' = 'access') =>
      database.write(tx =>
        sessions.open(tx, { account: account.id, did: account.did, kind, origin: somewhere }),
      ),
    /** The kinds of events that the firehose has about a DID, in order. */
    events: async (did: Did): Promise<string[]> => {
      const sql = 'SELECT event_type AS type FROM pds_sequencer WHERE did = $1 ORDER BY seq'
      const rows = await database.read(tx => tx.all<{ type: string }>(sql, [did]))
      return rows.map(row => row.type)
    },
    count: (table: string) => countRows(identity, table),
    call: <Params, Input>(method: XrpcMethod<Params, Input>, given: Given<Params, Input>) =>
      call(method, given, authenticate),
    close: async () => {
      await sequence.close()
      await identity.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function createPerson(
  name: string,
  of: {
    readonly identity: IdentityHouse
    readonly createAccount: ReturnType<typeof createCreateAccount>
  },
): Promise<Account> {
  const { did } = await of.createAccount({
    way: { kind: 'password' },
    handle: `${name}.test`,
    email: `${name}@example.com`,
    password: `password of ${name}`,
  })
  const account = await of.identity.database.read(tx => accountByDid(tx, did))
  if (account === undefined) throw new Error(`${name} was not made`)
  return account
}

async function countRows({ database }: IdentityHouse, table: string): Promise<number> {
  const row = await database.read(tx => tx.get<{ count: number }>(`SELECT count(*) AS count FROM ${table}`))
  return row?.count ?? 0
}

interface Given<Params, Input> {
  readonly params?: Params
  readonly input?: Input
  /** A bearer token. */
  readonly token?: string
}

/** Guard and handler of a method, as the dispatcher runs them; gives the JSON of the answer. */
async function call<Params, Input>(
  method: XrpcMethod<Params, Input>,
  { params, input, token }: Given<Params, Input>,
  authenticate: ReturnType<typeof createAuthenticate>,
): Promise<Record<string, unknown>> {
  const authorization = token === undefined ? undefined : `Bearer ${token}`
  const credentials = await authenticate(method.auth, authorization, method.nsid)
  const { Readable } = await import('node:stream')
  const reply = await method.handle({
    params: params as Params,
    input: input as Input,
    body: Readable.from([]),
    headers: { 'user-agent': somewhere.device },
    credentials,
    context: {
      id: 'request-1',
      address: somewhere.address,
      secure: false,
      host: 'localhost:3334',
      signal: new AbortController().signal,
    },
  })
  return reply !== undefined && 'json' in reply ? (reply.json as Record<string, unknown>) : {}
}
