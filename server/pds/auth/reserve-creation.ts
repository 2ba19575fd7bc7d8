import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { accountByEmail } from '../database/accounts.ts'
import { identityOf } from '../database/identities.ts'
import { isHandleHeld } from '../database/identity.ts'
import { takeInvite } from '../database/invites.ts'
import { takeOauthState } from '../database/oauth-state.ts'
import { insertPending } from '../database/pending.ts'
import type { PreparedIdentity } from '../identity/creation.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { AccountWish } from './account-wish.ts'
import { encodePending } from './pending-account.ts'

export interface Reservation {
  readonly way: Exclude<AccountWish['way'], { readonly kind: 'migration' }>
  readonly handle: string
  readonly email: string | null
  readonly emailConfirmedAt: number | null
  readonly passwordHash: string | null
  readonly inviteCode: string | null
  readonly recoveryKey: string | null
  readonly prepared: PreparedIdentity
}

/** Everybody who gives a handle to somebody holds this, so that two cannot have one. */
export function handleLock(handle: string): string {
  return `handle:${handle}`
}

/** Throws, in the words of `createAccount`, when the handle (lower case) is somebody's or about to be. */
export async function assertHandleFree(tx: Tx, handle: string): Promise<void> {
  if (await isHandleHeld(tx, handle)) throw refuse('InvalidRequest', `Handle already taken: ${handle}`)
}

/** Throws when an account has this e-mail address. */
export async function assertEmailFree(tx: Tx, email: string | null): Promise<void> {
  if (email !== null && (await accountByEmail(tx, email)) !== undefined) {
    throw refuse('InvalidRequest', `Email already taken: ${email}`)
  }
}

/** Takes one use of an invite code, or throws. */
export async function assertInviteTaken(tx: Tx, code: string | null): Promise<void> {
  if (code !== null && !(await takeInvite(tx, code))) {
    throw refuse('InvalidInviteCode', 'Provided invite code not available')
  }
}

/**
 * Writes the pending row: from now on the handle, the invite and the registration are this creation's. Throws the
 * reference's refusals, and then nothing is taken.
 */
export async function reserveCreation(
  wish: Reservation,
  deps: { readonly database: Database; readonly clock: Clock },
): Promise<void> {
  const createdAt = deps.clock.now()
  await deps.database.write(tx => reserve(tx, wish, createdAt), { locks: [handleLock(wish.handle)] })
}

async function reserve(tx: Tx, wish: Reservation, createdAt: number): Promise<void> {
  const { way, prepared, inviteCode, handle } = wish
  await assertHandleFree(tx, handle)
  if (way.kind === 'password') await assertEmailFree(tx, wish.email)
  await assertInviteTaken(tx, inviteCode)
  const provided = way.kind === 'provider' ? await takeRegistration(tx, way) : undefined
  const data = encodePending({
    operation: prepared.operation,
    signingKey: prepared.signingKey,
    rotationKey: prepared.rotationKey,
    recoveryKey: wish.recoveryKey,
    email: wish.email,
    emailConfirmedAt: wish.emailConfirmedAt,
    passwordHash: wish.passwordHash,
    inviteCode,
    identity: provided?.identity ?? null,
    registration: provided?.registration ?? null,
  })
  const { did, signingKeySealed, rotationKeySealed } = prepared
  await insertPending(tx, { did, handle, data, signingKeySealed, rotationKeySealed, createdAt })
}

async function takeRegistration(tx: Tx, way: Extract<AccountWish['way'], { readonly kind: 'provider' }>) {
  const { identity } = way
  if ((await identityOf(tx, identity.provider, identity.providerId)) !== undefined) {
    throw refuse('InvalidRequest', 'this sign-in belongs to an account already')
  }
  const registration = await takeOauthState(tx, way.registration)
  if (registration === undefined) throw refuse('InvalidRequest', 'this sign-in is over; please begin anew')
  return { identity, registration }
}
