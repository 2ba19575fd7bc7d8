/** Builds accounts: how they are made, rest, go, and what their owners do with them. */
import { createAccountActs } from './auth/account-acts.ts'
import { createAccountStatus } from './auth/account-status.ts'
import { createBackground } from './auth/background.ts'
import { createCreateAccount } from './auth/create-account.ts'
import { createCreationSweeper, createSettleCreationOf } from './auth/creation-sweeper.ts'
import { createEmailTokens } from './auth/email-tokens.ts'
import { createInvites } from './auth/invites.ts'
import type { SignUpPolicy } from './auth/sign-up-policy.ts'
import type { PdsSettings } from './config.ts'
import type { PdsDependencies, Place } from './dependencies.ts'
import type { IdentityRoom } from './identity-room.ts'
import type { Mail } from './mail/mail.ts'
import { createMailbox } from './mail/mailbox.ts'
import { noMail } from './mail/no-mail.ts'
import { createSmtp } from './mail/smtp.ts'
import type { Providers } from './providers.ts'
import type { RepoRoom } from './repo-room.ts'
import type { SessionRoom } from './session-room.ts'
import type { SyncRoom } from './sync-room.ts'

export type AccountRoom = ReturnType<typeof createAccountRoom>

interface AccountRoomParts {
  readonly place: Place
  readonly identity: IdentityRoom
  readonly sync: SyncRoom
  readonly repo: RepoRoom
  readonly sessions: SessionRoom
  readonly providers: Providers
}

/** Accounts and what happens to them. */
export function createAccountRoom(deps: PdsDependencies, parts: AccountRoomParts) {
  const { settings, database, clock, random, log, resolver } = deps
  const { hostname } = parts.place
  const { keys, handles, creation, assertServedHere } = parts.identity
  const { passwords, appPasswords } = parts.sessions
  const { providers } = parts.providers
  const { blobQuotaBytes } = settings
  const policy = policyOf(settings)
  const mailbox = deps.production ? undefined : createMailbox({ database, clock })
  const mail = mailOf(settings) ?? mailbox ?? noMail
  const { repositories } = parts.repo
  const { sequencer } = parts.sync
  const settling = { database, clock, repositories, sequencer, identity: creation, log }
  const background = createBackground({
    database,
    clock,
    log,
    sweepCreations: createCreationSweeper(settling),
  })
  const removed = new Set<(did: string) => void>()
  const forget = (account: { readonly id: number; readonly did: Parameters<typeof resolver.forget>[0] }) => {
    keys.forget(account.id)
    resolver.forget(account.did)
    for (const listener of removed) listener(account.did)
  }
  return {
    policy,
    mailbox,
    createAccount: createCreateAccount({
      ...settling,
      policy,
      handles,
      passwords,
      resolveHandle: handle => resolver.handle(handle),
    }),
    settleCreationOf: createSettleCreationOf(settling),
    status: createAccountStatus({ database, clock, repositories, sequencer, assertServedHere, forget }),
    acts: createAccountActs({ database, clock, passwords, appPasswords, providers, blobQuotaBytes }),
    emailTokens: createEmailTokens({ database, clock, random, mail, hostname }),
    invites: createInvites({ database, clock, random, hostname }),
    /** Calls `listener` after an account was deleted. Returns the end of it. */
    onRemoved: (listener: (did: string) => void) => {
      removed.add(listener)
      return () => void removed.delete(listener)
    },
    start: () => background.start(),
    stop: () => background.stop(),
  }
}

function mailOf({ smtpUrl, mailFrom }: PdsSettings): Mail | undefined {
  return smtpUrl === undefined || mailFrom === undefined
    ? undefined
    : createSmtp({ url: smtpUrl, from: mailFrom })
}

/** Who may sign up, by whatever way in. */
export function policyOf(settings: PdsSettings): SignUpPolicy {
  const signUp = settings.inviteRequired === true ? 'invite' : settings.signUp
  return { signUp, migrationIn: settings.migrationIn ?? (signUp === 'open' || signUp === 'invite') }
}
