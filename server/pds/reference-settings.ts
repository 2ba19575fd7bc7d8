/**
 * Settings of the reference PDS that Leaf does not read, each with what to do instead. Somebody who brings an
 * environment along is told, instead of wondering why nothing happens.
 */
const unneeded = 'is not needed: Leaf has no such thing to set.'
const oneDatabase = 'is not read: Leaf keeps everything in LEAF_DATA_DIR.'
const takesInstead = (name: string) => `is not read: set ${name} instead.`
const notYet = 'is not read: this version of Leaf does not have that.'

export const referenceSettings: Readonly<Record<string, string>> = {
  PDS_ACCEPTING_REPO_IMPORTS: takesInstead('PDS_MIGRATION_IN'),
  PDS_ACCOUNT_DB_LOCATION: oneDatabase,
  PDS_ACTOR_STORE_CACHE_SIZE: unneeded,
  PDS_ACTOR_STORE_DIRECTORY: oneDatabase,
  PDS_ADMIN_PASSWORD: 'is not read: the `leaf` command on the server itself does what an administrator does.',
  PDS_BLOBSTORE_DISK_LOCATION: oneDatabase,
  PDS_BLOBSTORE_DISK_TMP_LOCATION: oneDatabase,
  PDS_BLOBSTORE_S3_ACCESS_KEY_ID: takesInstead('BLOB_S3_ACCESS_KEY_ID'),
  PDS_BLOBSTORE_S3_BUCKET: takesInstead('BLOB_S3_BUCKET'),
  PDS_BLOBSTORE_S3_ENDPOINT: takesInstead('BLOB_S3_ENDPOINT'),
  PDS_BLOBSTORE_S3_FORCE_PATH_STYLE: takesInstead('BLOB_S3_FORCE_PATH_STYLE'),
  PDS_BLOBSTORE_S3_REGION: takesInstead('BLOB_S3_REGION'),
  PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: takesInstead('BLOB_S3_SECRET_ACCESS_KEY'),
  PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS: unneeded,
  PDS_BLOB_UPLOAD_LIMIT: takesInstead('PDS_MAX_BLOB_SIZE'),
  PDS_BSKY_APP_VIEW_CDN_URL_PATTERN: notYet,
  PDS_BSKY_APP_VIEW_DID: notYet,
  PDS_BSKY_APP_VIEW_URL: notYet,
  PDS_DATA_DIRECTORY: takesInstead('LEAF_DATA_DIR'),
  PDS_DEV_MODE:
    'is not read: Leaf is in development mode until PUBLIC_URL is an https address or NODE_ENV is production.',
  PDS_DID_CACHE_DB_LOCATION: oneDatabase,
  PDS_DID_CACHE_MAX_TTL: unneeded,
  PDS_DID_CACHE_STALE_TTL: unneeded,
  PDS_DID_PLC_URL: takesInstead('PLC_DIRECTORY_URL'),
  PDS_DISABLE_SSRF_PROTECTION:
    'is not read: the protection cannot be switched off. In development this machine itself may be called.',
  PDS_DISABLE_WAL_AUTO_CHECKPOINT: unneeded,
  PDS_DPOP_SECRET: notYet,
  PDS_ENABLE_DID_DOC_WITH_SESSION: unneeded,
  PDS_ENTRYWAY_ADMIN_TOKEN: notYet,
  PDS_ENTRYWAY_DID: notYet,
  PDS_ENTRYWAY_JWT_VERIFY_KEY_K256_PUBLIC_KEY_HEX: notYet,
  PDS_ENTRYWAY_PLC_ROTATION_KEY: notYet,
  PDS_ENTRYWAY_URL: notYet,
  PDS_FETCH_MAX_RESPONSE_SIZE: unneeded,
  PDS_HANDLE_BACKUP_NAMESERVERS: 'is not read: Leaf asks the name servers of this machine.',
  PDS_HCAPTCHA_SECRET_KEY: 'is not read: PDS_SIGN_UP says who may sign up.',
  PDS_HCAPTCHA_SITE_KEY: 'is not read: PDS_SIGN_UP says who may sign up.',
  PDS_HCAPTCHA_TOKEN_SALT: 'is not read: PDS_SIGN_UP says who may sign up.',
  PDS_ID_RESOLVER_TIMEOUT: unneeded,
  PDS_INVITE_EPOCH: notYet,
  PDS_INVITE_INTERVAL: notYet,
  PDS_MAX_SUBSCRIPTION_BUFFER:
    'is not needed: subscribers that fall behind are served from the log, nothing is buffered for them.',
  PDS_MODERATION_EMAIL_ADDRESS: notYet,
  PDS_MODERATION_EMAIL_SMTP_URL: notYet,
  PDS_MOD_SERVICE_DID: notYet,
  PDS_MOD_SERVICE_URL: notYet,
  PDS_OAUTH_PROVIDER_TRUSTED_CLIENTS: notYet,
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX:
    'is not read: every account has a rotation key of its own, sealed by PDS_KEY_ENCRYPTION_SECRET; an offline key goes into PDS_RECOVERY_DID_KEY.',
  PDS_PLC_ROTATION_KEY_KMS_KEY_ID:
    'is not read: every account has a rotation key of its own, sealed by PDS_KEY_ENCRYPTION_SECRET; an offline key goes into PDS_RECOVERY_DID_KEY.',
  PDS_PROXY_ALLOW_HTTP2: unneeded,
  PDS_PROXY_BODY_TIMEOUT: unneeded,
  PDS_PROXY_HEADERS_TIMEOUT: unneeded,
  PDS_PROXY_MAX_RESPONSE_SIZE: unneeded,
  PDS_PROXY_MAX_RETRIES: unneeded,
  PDS_PROXY_PREFER_COMPRESSED: unneeded,
  PDS_RATE_LIMITS_ENABLED: 'is not read: set PDS_RATE_LIMITS to reference, seed or off.',
  PDS_RATE_LIMIT_BYPASS_IPS: notYet,
  PDS_RATE_LIMIT_BYPASS_KEY: notYet,
  PDS_REDIS_SCRATCH_ADDRESS: takesInstead('REDIS_URL'),
  PDS_REDIS_SCRATCH_PASSWORD: 'is not read: write it into REDIS_URL, redis://:password@host:6379.',
  PDS_REPORT_SERVICE_DID: notYet,
  PDS_REPORT_SERVICE_URL: notYet,
  PDS_SEQUENCER_DB_LOCATION: oneDatabase,
  PDS_SERVICE_DID: 'is not read: the server is did:web: with the name in PUBLIC_URL or PDS_HOSTNAME.',
}
