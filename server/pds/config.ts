/** The PDS's settings: the seed's names, and what the reference calls the rest. */
import {
  type ConfigFault,
  flag,
  httpUrl,
  integer,
  list,
  longSecret,
  oneOf,
  required,
  setting,
  text,
  type ValuesOf,
} from '../kernel/config.ts'
import { didKey, domains, oidcProviders } from './config-parsers.ts'

const mebibyte = 1024 * 1024
const count = (fallback: number, max = Number.MAX_SAFE_INTEGER) => ({
  parse: integer({ min: 0, max }),
  fallback,
})

/** A whole number with a default. */
function number(name: string, doc: string, fallback: number, max?: number) {
  return setting(count(fallback, max).parse, { name, doc, fallback })
}

/** An optional text. */
function optional(name: string, doc: string, options: { secret?: boolean; example?: string } = {}) {
  return setting<string | undefined>(text, {
    name,
    doc,
    fallback: undefined,
    defaultText: 'not set',
    ...options,
  })
}

const developmentJwtSecret = 'leaf-development-jwt-secret-not-for-production'
const developmentSealingSecret = 'leaf-development-sealing-secret-not-for-production'

export const pdsSettings = {
  hostname: optional(
    'PDS_HOSTNAME',
    'The public host name, without a port. Default: the host of PUBLIC_URL.',
    {
      example: 'example.com',
    },
  ),
  jwtSecret: setting(longSecret, {
    name: 'PDS_JWT_SECRET',
    doc: 'Signs session tokens (HS256). At least 32 random characters; changing it signs everybody out.',
    secret: true,
    fallback: { development: developmentJwtSecret, production: required },
    defaultText: 'a fixed one in development; required in production',
  }),
  keyEncryptionSecret: setting(longSecret, {
    name: 'PDS_KEY_ENCRYPTION_SECRET',
    doc: 'The sealing key: encrypts every account’s signing and rotation keys at rest. Losing it loses every account.',
    secret: true,
    fallback: { development: developmentSealingSecret, production: required },
    defaultText: 'a fixed one in development; required in production',
  }),
  handleDomains: setting(domains, {
    name: 'PDS_HANDLE_DOMAIN',
    doc: 'Domains under which people get handles, separated by commas; the first is offered first.',
    aliases: ['PDS_SERVICE_HANDLE_DOMAINS'],
    fallback: { development: ['test'], production: [] },
    defaultText: 'test in development; the host name in production',
    example: 'example.com',
  }),
  handlesReserved: setting(list, {
    name: 'PDS_HANDLES_RESERVED',
    doc: 'Further names that nobody gets under the service’s domains.',
    fallback: [],
    defaultText: 'none',
  }),
  signUp: setting<'open' | 'invite' | 'providers' | 'closed'>(
    oneOf(['open', 'invite', 'providers', 'closed']),
    {
      name: 'PDS_SIGN_UP',
      doc: 'Who may create an account, by whatever way in: anyone (open), holders of an invite code (invite), people who come through a configured sign-in provider (providers), nobody (closed).',
      fallback: { development: 'open', production: 'providers' },
    },
  ),
  inviteRequired: setting<boolean | undefined>(flag, {
    name: 'PDS_INVITE_REQUIRED',
    doc: 'The reference’s name: true means PDS_SIGN_UP=invite.',
    fallback: undefined,
    defaultText: 'not set',
  }),
  migrationIn: setting<boolean | undefined>(flag, {
    name: 'PDS_MIGRATION_IN',
    doc: 'Whether an existing identity may move here with a proof of its old host.',
    fallback: undefined,
    defaultText: 'true where PDS_SIGN_UP is open or invite',
  }),
  recoveryDidKey: setting<string | undefined>(didKey, {
    name: 'PDS_RECOVERY_DID_KEY',
    doc: 'The operator’s offline rotation key (did:key). It goes into every new identity above the server’s own key.',
    fallback: undefined,
    defaultText: 'none',
  }),
  accessTokenMs: number(
    'PDS_ACCESS_TOKEN_MS',
    'How long an access token lasts, in milliseconds.',
    15 * 60_000,
  ),
  refreshTokenMs: number(
    'PDS_REFRESH_TOKEN_MS',
    'How long a session lasts unused, in milliseconds.',
    30 * 86_400_000,
  ),
  githubClientId: optional('GITHUB_CLIENT_ID', 'GitHub OAuth app: client id.'),
  githubClientSecret: optional('GITHUB_CLIENT_SECRET', 'GitHub OAuth app: client secret.', { secret: true }),
  githubUrl: setting(httpUrl, {
    name: 'GITHUB_URL',
    doc: 'Where GitHub’s pages are; for GitHub Enterprise.',
    fallback: 'https://github.com',
  }),
  githubApiUrl: setting(httpUrl, {
    name: 'GITHUB_API_URL',
    doc: 'Where GitHub’s API is; for GitHub Enterprise.',
    fallback: 'https://api.github.com',
  }),
  googleClientId: optional('GOOGLE_CLIENT_ID', 'Google OAuth client id.'),
  googleClientSecret: optional('GOOGLE_CLIENT_SECRET', 'Google OAuth client secret.', { secret: true }),
  googleIssuer: setting(httpUrl, {
    name: 'GOOGLE_ISSUER',
    doc: 'Google’s issuer URL.',
    fallback: 'https://accounts.google.com',
  }),
  oidcProviders: setting(oidcProviders, {
    name: 'OIDC_PROVIDERS',
    doc: 'Further OpenID Connect providers (Keycloak, Authentik, GitLab …): id|label|issuer|client id|client secret, several separated by semicolons.',
    secret: true,
    fallback: [],
    defaultText: 'none',
    example: 'keycloak|Our Keycloak|https://id.example.com/realms/us|leaf|secret',
  }),
  smtpUrl: optional(
    'PDS_EMAIL_SMTP_URL',
    'Where mail goes out: smtp[s]://user:password@host:port. In development mail appears on a page.',
    {
      secret: true,
    },
  ),
  mailFrom: optional('PDS_EMAIL_FROM_ADDRESS', 'The sender of mail.', { example: 'leaf@example.com' }),
  recordBytesMax: number('PDS_MAX_RECORD_SIZE', 'How many bytes a record may have.', 1_000_000),
  jsonBodyBytesMax: number(
    'PDS_JSON_BODY_MAX',
    'How many bytes a JSON body may have, for methods that do not write records.',
    150 * 1024,
  ),
  writeBodyBytesMax: number(
    'PDS_WRITE_BODY_MAX',
    'How many bytes a JSON body may have that writes records.',
    4 * mebibyte,
  ),
  blobBytesMax: number('PDS_MAX_BLOB_SIZE', 'How many bytes a blob may have.', 100 * mebibyte),
  blobMimeAllow: setting(list, {
    name: 'PDS_BLOB_MIME_ALLOW',
    doc: 'The only MIME types that blobs may have (image/* is understood). Empty: all.',
    fallback: [],
    defaultText: 'all',
  }),
  blobQuotaBytes: number(
    'PDS_BLOB_QUOTA',
    'How many bytes of blobs an account may keep. 0: no limit.',
    10 * 1024 * mebibyte,
  ),
  blobTemporaryMs: number(
    'PDS_BLOB_TEMPORARY_MS',
    'How long a blob is kept that no record refers to, in milliseconds.',
    6 * 3_600_000,
  ),
  importBytesMax: number(
    'PDS_MAX_REPO_IMPORT_SIZE',
    'How many bytes an imported repository may have.',
    200 * mebibyte,
  ),
  firehoseWindowMs: number(
    'PDS_REPO_BACKFILL_LIMIT_MS',
    'How long events can be replayed, in milliseconds.',
    72 * 3_600_000,
  ),
  firehoseSocketsMax: number(
    'PDS_FIREHOSE_SOCKETS_MAX',
    'How many firehose subscribers are served at once.',
    5_000,
  ),
  firehoseSocketsPerAddressMax: number(
    'PDS_FIREHOSE_SOCKETS_PER_ADDRESS_MAX',
    'How many of them may come from one address.',
    200,
  ),
  relays: setting(list, {
    name: 'PDS_RELAYS',
    doc: 'Relays that are told about this server, separated by commas.',
    aliases: ['PDS_CRAWLERS'],
    fallback: { development: [], production: ['https://bsky.network'] },
    defaultText: 'none in development; https://bsky.network in production',
  }),
  rateLimits: setting<'reference' | 'seed' | 'off'>(oneOf(['reference', 'seed', 'off']), {
    name: 'PDS_RATE_LIMITS',
    doc: 'Which rate limits hold: the reference PDS’s points per hour, the seed’s table per minute, or none (for measuring).',
    fallback: 'reference',
  }),
  rateStandard: optional(
    'PDS_RATE_STANDARD',
    'Overrides the class “standard”: points/seconds, several separated by commas.',
    { example: '3000/300' },
  ),
  rateWrite: optional(
    'PDS_RATE_WRITE',
    'Overrides the class “write”: points/seconds, several separated by commas.',
    { example: '5000/3600,35000/86400' },
  ),
  rateAuth: optional(
    'PDS_RATE_AUTH',
    'Overrides the class “auth”: points/seconds, several separated by commas.',
    { example: '30/300,300/86400' },
  ),
  rateUpload: optional(
    'PDS_RATE_UPLOAD',
    'Overrides the class “upload”: points/seconds, several separated by commas.',
    { example: '1000/86400' },
  ),
  rateRead: optional(
    'PDS_RATE_READ',
    'Overrides the class “read”: points/seconds, several separated by commas.',
    { example: '300/60' },
  ),
  nodeCacheBytes: number(
    'PDS_NODE_CACHE_BYTES',
    'Memory for nodes of repositories’ trees, in bytes.',
    32 * mebibyte,
  ),
  contactEmail: optional('PDS_CONTACT_EMAIL_ADDRESS', 'Shown to clients as the operator’s address.'),
  privacyPolicyUrl: optional('PDS_PRIVACY_POLICY_URL', 'Shown to clients.'),
  termsOfServiceUrl: optional('PDS_TERMS_OF_SERVICE_URL', 'Shown to clients.'),
} as const

export type PdsSettings = ValuesOf<typeof pdsSettings>

/** Settings that mean something only together. */
const together: readonly (readonly (keyof PdsSettings)[])[] = [
  ['githubClientId', 'githubClientSecret'],
  ['googleClientId', 'googleClientSecret'],
  ['smtpUrl', 'mailFrom'],
]

/** What no single setting can see: a pair of which only one is set. */
export function checkPdsSettings(settings: PdsSettings, faults: ConfigFault[]): void {
  for (const pair of together) {
    const missing = pair.filter(key => settings[key] === undefined)
    if (missing.length === 0 || missing.length === pair.length) continue
    const names = pair.map(key => pdsSettings[key].name)
    for (const key of missing) {
      faults.push({
        name: pdsSettings[key].name,
        sentence: `is missing: ${names.join(' and ')} belong together.`,
      })
    }
  }
}
