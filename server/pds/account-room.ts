/** Builds accounts: ways in, sessions, the guard. */
import { atprotoKeyOf } from '../kernel/identity/document.ts'
import { verifySignature } from '../kernel/keys.ts'
import { createBackground } from './auth/background.ts'
import { createCookies } from './auth/cookies.ts'
import { createCsrf } from './auth/csrf.ts'
import { createAccountActs } from './auth/account-acts.ts'
import { createAccountStatus } from './auth/account-status.ts'
import { createAppPasswords } from './auth/app-passwords.ts'
import { createCreateAccount } from './auth/create-account.ts'
import { createCreationSweeper, createSettleCreationOf } from './auth/creation-sweeper.ts'
import { createEmailTokens } from './auth/email-tokens.ts'
import { createAuthenticate } from './auth/guard.ts'
import { createInvites } from './auth/invites.ts'
import { createLogIn } from './auth/log-in.ts'
import { createPageSessions } from './auth/page-session.ts'
import { createPasswords } from './auth/password.ts'
import { createAuthRoutes } from './auth/routes.ts'
import { createServiceJwtCheck } from './auth/service-jwt.ts'
import { createSessions } from './auth/session.ts'
import { createSignIn } from './auth/sign-in.ts'
import type { SignUpPolicy } from './auth/sign-up-policy.ts'
import { createTokens } from './auth/token.ts'
import type { PdsSettings } from './config.ts'
import type { IdentityRoom } from './identity-room.ts'
import type { PdsDependencies, Place } from './dependencies.ts'
import type { ChargePage } from './middleware/page-charge.ts'
import type { Mail } from './mail/mail.ts'
import { createMailbox } from './mail/mailbox.ts'
import { noMail } from './mail/no-mail.ts'
import { createSmtp } from './mail/smtp.ts'
import { createProviders } from './providers.ts'
import type { RepoRoom } from './repo-room.ts'
import type { SyncRoom } from './sync-room.ts'

export type AccountRoom = ReturnType<typeof createAccountRoom>

interface AccountRoomParts {
  readonly place: Place
  readonly identity: IdentityRoom
  readonly sync: SyncRoom
  readonly repo: RepoRoom
  readonly charge: ChargePage
}

/** Accounts and who may use them. */
export function createAccountRoom(deps: PdsDependencies, parts: AccountRoomParts) {
  const { settings, database, clock, random, log, resolver } = deps
  const { serviceDid } = parts.place
  const { keys, handles, creation } = parts.identity
  const tokens = createTokens({
    clock,
    secret: settings.jwtSecret,
    serviceDid,
    accessMs: settings.accessTokenMs,
  })
  const sessions = createSessions({ database, clock, random, tokens, refreshMs: settings.refreshTokenMs })
  const passwords = createPasswords({ random })
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
  const finishing = {
    database,
    clock,
    repositories: parts.repo.repositories,
    sequencer: parts.sync.sequencer,
  }
  const policy = policyOf(settings)
  const createAccount = createCreateAccount({
    ...finishing,
    policy,
    identity: creation,
    handles,
    passwords,
    log,
    resolveHandle: handle => resolver.handle(handle),
  })
  const settling = { ...finishing, identity: creation, log }
  const sweepCreations = createCreationSweeper(settling)
  const settleCreationOf = createSettleCreationOf(settling)
  const background = createBackground({ database, clock, log, sweepCreations })
  const mailbox = deps.production ? undefined : createMailbox({ database, clock })
  const mail = mailOf(settings) ?? mailbox ?? noMail
  const { hostname } = parts.place
  const logIn = createLogIn({ database, passwords })
  const cookies = createCookies({ production: deps.production, port: deps.port })
  const csrf = createCsrf({
    secret: settings.jwtSecret,
    publicUrl: deps.publicUrl,
    production: deps.production,
  })
  const sessionMs = settings.refreshTokenMs
  const pageSessions = createPageSessions({ database, clock, random, cookies, csrf, sessionMs })
  const pageHttp = { clock, random, cookies, csrf, pages: deps.pages, log }
  const { development, providers } = createProviders(deps)
  const appPasswords = createAppPasswords({ database, clock, random })
  const status = createAccountStatus({
    ...finishing,
    assertServedHere: parts.identity.assertServedHere,
    forget: account => {
      keys.forget(account.id)
      resolver.forget(account.did)
    },
  })
  const acts = createAccountActs({
    database,
    clock,
    passwords,
    appPasswords,
    providers,
    blobQuotaBytes: settings.blobQuotaBytes,
  })
  return {
    keys,
    tokens,
    sessions,
    passwords,
    authenticate,
    policy,
    createAccount,
    logIn,
    mailbox,
    emailTokens: createEmailTokens({ database, clock, random, mail, hostname }),
    pageSessions,
    pageHttp,
    providers,
    appPasswords,
    acts,
    status,
    invites: createInvites({ database, clock, random, hostname }),
    routes: createAuthRoutes({
      ...pageHttp,
      database,
      pageSessions,
      providers,
      policy,
      logIn,
      charge: parts.charge,
      signIn: createSignIn({ database, clock, random, publicUrl: deps.publicUrl, settleCreationOf }),
      handles,
      createAccount,
      development,
    }),
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
