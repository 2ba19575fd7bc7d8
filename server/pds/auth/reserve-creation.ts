import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { accountByEmail } from '../database/accounts.ts'
import { identityOf } from '../database/identities.ts'
import { handleLock, isHandleHeld } from '../database/identity.ts'
import { takeInvite } from '../database/invites.ts'
import { takeOauthState } from '../database/oauth-state.ts'
import { insertPending, pendingBefore } from '../database/pending.ts'
import type { PreparedIdentity } from '../identity/creation.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { AccountWish } from './account-wish.ts'
import { decodePending, encodePending } from './pending-account.ts'

/** A creation whose parts were checked. */
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

/** Throws, in the words of `createAccount`, when the handle (lower case) is somebody's or about to be. */
export async function assertHandleFree(tx: Tx, handle: string): Promise<void> {
  if (await isHandleHeld(tx, handle)) throw refuse('InvalidRequest', `Handle already taken: ${handle}`)
}

/** Creations on their way that are looked through; each is there for the time of one call to the directory. */
const pendingMax = 1_000

/** Throws when an account has this e-mail address, or is about to. */
export async function assertEmailFree(tx: Tx, email: string | null): Promise<void> {
  if (email === null) return
  const pending = await pendingBefore(tx, Number.MAX_SAFE_INTEGER, pendingMax)
  const wanted = pending.some(row => decodePending(row.data).email === email)
  if (wanted || (await accountByEmail(tx, email)) !== undefined) {
    throw refuse('InvalidRequest', `Email already taken: ${email}`)
  }
}

/** What must be this creation's alone while it is looked at: the handle, and the e-mail address if there is one. */
export function creationLocks(handle: string, email: string | null): readonly string[] {
  return email === null ? [handleLock(handle)] : [handleLock(handle), `email:${email}`]
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
  await deps.database.write(tx => reserve(tx, wish, createdAt), {
    locks: creationLocks(wish.handle, wish.email),
  })
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
