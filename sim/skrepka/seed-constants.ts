/** The constants of the seed's server, under its names, with its values. */
export interface SeedConstants {
  readonly federationScheme: string
  readonly messageMaxAge: number
  readonly maxBlobLen: number
  readonly maxBatchSize: number
  readonly maxGossipEvents: number
  readonly maxPollEvents: number
  readonly maxForwardsPerServer: number
  readonly maxServerNameLen: number
  readonly maxChallenges: number
  readonly maxSessions: number
  readonly maxChallengesPerKey: number
  readonly maxSessionsPerKey: number
  readonly challengeExpiry: number
  readonly sessionExpiry: number
  readonly onlineGossipTtl: number
  readonly maxForwardRetries: number
  readonly retryBackoffBase: number
  readonly retryBackoffMax: number
  readonly forwardFailureMaxAge: number
  readonly backgroundPruneInterval: number
  readonly pollTimeoutMs: number
  readonly rateLimitWindow: number
  readonly authRateLimit: number
  readonly pollRateLimit: number
  readonly sendRateLimit: number
  readonly gossipRateLimit: number
  readonly forwardRateLimit: number
  readonly federationEnabled: boolean
  /** Of its HTTP runtime. */
  readonly httpMaxBodyBytes: number
  /** Not in the seed: how late an append becomes visible after its number was taken, as in a database with a sequence. */
  readonly appendDelayMs: (random: { integer(below: number): number }) => number
}

export const seedConstants: SeedConstants = {
  federationScheme: 'https://',
  messageMaxAge: 2_592_000_000,
  maxBlobLen: 41_943_040,
  maxBatchSize: 100,
  maxGossipEvents: 100,
  maxPollEvents: 50,
  maxForwardsPerServer: 2000,
  maxServerNameLen: 128,
  maxChallenges: 10_000,
  maxSessions: 10_000,
  maxChallengesPerKey: 5,
  maxSessionsPerKey: 10,
  challengeExpiry: 60_000,
  sessionExpiry: 3_600_000,
  onlineGossipTtl: 5_400_000,
  maxForwardRetries: 10,
  retryBackoffBase: 30_000,
  retryBackoffMax: 480_000,
  forwardFailureMaxAge: 86_400_000,
  backgroundPruneInterval: 30_000,
  pollTimeoutMs: 25_000,
  rateLimitWindow: 60_000,
  authRateLimit: 10,
  pollRateLimit: 60,
  sendRateLimit: 60,
  gossipRateLimit: 60,
  forwardRateLimit: 600,
  federationEnabled: true,
  httpMaxBodyBytes: 44 * 1024 * 1024,
  appendDelayMs: () => 0,
}
