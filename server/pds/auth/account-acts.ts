/** What a signed-in person sees and does on her account page. Pages render; this decides. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { accountCounts } from '../database/account-counts.ts'
import { type Account, accountById, setPasswordHash } from '../database/accounts.ts'
import { deleteIdentity, identitiesOf } from '../database/identities.ts'
import { repoState } from '../database/repo-state.ts'
import { deleteSessionOf, deleteSessionsOf, type SessionKind, sessionsOf } from '../database/sessions.ts'
import { refuse } from '../xrpc/refuse.ts'
import { type AppPassword, type AppPasswords, appPasswordsMax } from './app-passwords.ts'
import { newPasswordCharsMax, type Passwords } from './password.ts'

/** Identities that one account has at most. */
export const identitiesMax = 20
/** Sessions that are shown. */
const sessionsShownMax = 200
/** A password that a person chooses on a page has at least this many characters. */
export const passwordCharsMin = 8

/** What the account page shows. */
export interface AccountView {
  readonly account: Account
  readonly identities: readonly IdentityView[]
  /** Providers that are set up and not linked yet; `POST /pds/auth/<id>/link` with `csrf` links one. */
  readonly linkable: readonly { readonly id: string; readonly label: string }[]
  readonly sessions: readonly SessionView[]
  readonly appPasswords: readonly AppPassword[]
  readonly hasPassword: boolean
  readonly recordCount: number
  readonly blobCount: number
  readonly blobBytes: number
  /** 0: no limit. */
  readonly blobQuotaBytes: number
}

/** One way in through a provider. */
export interface IdentityView {
  readonly provider: string
  readonly providerLabel: string
  readonly providerId: string
  readonly label: string
  readonly lastUsedAt: number
  /** False for the last way in. */
  readonly removable: boolean
}

/** One place where the account is signed in. */
export interface SessionView {
  readonly id: string
  readonly kind: SessionKind
  readonly appPassword: string | undefined
  readonly device: string
  readonly address: string
  readonly createdAt: number
  readonly lastUsedAt: number
  /** The one that asks. */
  readonly here: boolean
}

/** The acts of the account page; each is of the account whose id it gets. */
export interface AccountActs {
  /** Undefined: there is no such account any more. */
  view(accountId: number, sessionId: string): Promise<AccountView | undefined>
  createAppPassword(
    accountId: number,
    wish: { readonly name: string; readonly privileged: boolean },
  ): Promise<AppPassword & { readonly password: string }>
  revokeAppPassword(accountId: number, name: string): Promise<void>
  endSession(accountId: number, sessionId: string): Promise<void>
  /** Signs out everywhere but in `keptSessionId` (`''`: everywhere); gives how many sessions ended. */
  endOtherSessions(accountId: number, keptSessionId: string): Promise<number>
  /** Throws InvalidRequest for the last way in. */
  unlink(
    accountId: number,
    identity: { readonly provider: string; readonly providerId: string },
  ): Promise<void>
  /** Sets or replaces the password; other sessions end. */
  setPassword(accountId: number, password: string, keptSessionId: string): Promise<void>
  /** Throws InvalidRequest when it is the last way in. */
  removePassword(accountId: number): Promise<void>
}

export interface AccountActsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly passwords: Pick<Passwords, 'hash'>
  readonly appPasswords: AppPasswords
  readonly providers: readonly { readonly id: string; readonly label: string }[]
  readonly blobQuotaBytes: number
}

/** The acts of the account page. */
export function createAccountActs(deps: AccountActsDeps): AccountActs {
  const { database, appPasswords } = deps
  return {
    view: (id, sessionId) => viewOf(id, sessionId, deps),
    createAppPassword: (id, wish) => appPasswords.create(id, wish),
    revokeAppPassword: (id, name) => appPasswords.revoke(id, name),
    endSession: async (id, sessionId) => {
      await database.write(tx => deleteSessionOf(tx, id, sessionId))
    },
    endOtherSessions: (id, kept) => database.write(tx => deleteSessionsOf(tx, id, kept)),
    unlink: (id, identity) =>
      database.write(
        async tx => {
          const { identities, hasPassword } = await waysIn(tx, id)
          if (identities.length + (hasPassword ? 1 : 0) <= 1) throw lastWayIn()
          await deleteIdentity(tx, id, identity)
        },
        { locks: [waysLock(id)] },
      ),
    setPassword: async (id, password, kept) => {
      if (password.length < passwordCharsMin || password.length > newPasswordCharsMax) {
        const bounds = `${passwordCharsMin} to ${newPasswordCharsMax}`
        throw refuse('InvalidRequest', `expected a password of ${bounds} characters`)
      }
      const hash = await deps.passwords.hash(password)
      await database.write(async tx => {
        await setPasswordHash(tx, id, hash)
        await deleteSessionsOf(tx, id, kept)
      })
    },
    removePassword: id =>
      database.write(
        async tx => {
          if ((await waysIn(tx, id)).identities.length === 0) throw lastWayIn()
          await setPasswordHash(tx, id, null)
        },
        { locks: [waysLock(id)] },
      ),
  }
}

/** Two ways in must not be taken away at once. */
const waysLock = (account: number) => `ways-in:${account}`

const lastWayIn = () =>
  refuse('InvalidRequest', 'this is the last way into the account; link another or set a password first')

/** App passwords are no way in: with one, nobody can sign in to the account itself. */
async function waysIn(tx: ReadTx, id: number) {
  const account = await accountById(tx, id)
  const identities = await identitiesOf(tx, id, identitiesMax)
  return { identities, hasPassword: account !== undefined && account.passwordHash !== null }
}

async function viewOf(
  id: number,
  sessionId: string,
  deps: AccountActsDeps,
): Promise<AccountView | undefined> {
  const now = deps.clock.now()
  const found = await deps.database.read(async tx => {
    const account = await accountById(tx, id)
    if (account === undefined) return undefined
    return {
      account,
      ways: await waysIn(tx, id),
      sessions: await sessionsOf(tx, id, now, sessionsShownMax),
      counts: await accountCounts(tx, id),
      recordCount: (await repoState(tx, id))?.recordCount ?? 0,
    }
  })
  if (found === undefined) return undefined
  const { account, ways, counts, recordCount } = found
  const { identities, hasPassword } = ways
  const labelOf = (provider: string) => deps.providers.find(one => one.id === provider)?.label ?? provider
  return {
    account,
    identities: identities.map(row => ({
      provider: row.provider,
      providerLabel: labelOf(row.provider),
      providerId: row.providerId,
      label: row.label,
      lastUsedAt: row.lastUsedAt,
      removable: identities.length + (hasPassword ? 1 : 0) > 1,
    })),
    linkable: deps.providers
      .filter(provider => !identities.some(row => row.provider === provider.id))
      .map(provider => ({ id: provider.id, label: provider.label })),
    sessions: found.sessions.map(row => ({
      id: row.id,
      kind: row.kind,
      appPassword: row.appPassword ?? undefined,
      device: row.device,
      address: row.address,
      createdAt: row.createdAt,
      lastUsedAt: row.lastUsedAt,
      here: row.id === sessionId,
    })),
    appPasswords: (await deps.appPasswords.list(id)).slice(0, appPasswordsMax),
    hasPassword,
    recordCount,
    blobCount: counts.importedBlobs,
    blobBytes: account.blobBytes,
    blobQuotaBytes: deps.blobQuotaBytes,
  }
}
