import { type Neighbour, startNeighbour } from './child.ts'

export interface ReferencePds {
  readonly url: string
  readonly plcUrl: string
  readonly pid: number
  /** Milliseconds from the start of the process until the PDS answered its first request. */
  readonly startMs: number
  /** Mail that the reference meant to send, oldest first. */
  readonly mails: readonly ReferenceMail[]
  /** The end of what the process printed. */
  output(): string
  stop(): Promise<void>
}

export interface ReferenceMail {
  readonly to: string
  readonly text: string
}

export interface ReferenceOptions {
  /** Default off: the process then counts nothing. */
  readonly rateLimits?: boolean
  /** Whether createAccount wants an invite code. Default off. */
  readonly inviteRequired?: boolean
  /**
   * Production mode: responses are not validated against their lexicons. The PDS then believes that it is reached by
   * https under a made-up name, which does not matter to a benchmark. Default: development mode.
   */
  readonly production?: boolean
  /** Further `PDS_*` variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** What the reference's admin endpoints take as a password. */
export const referenceAdminPassword = 'reference-admin-password'

interface Ready {
  readonly url: string
  readonly plcUrl: string
}

/**
 * Starts `@atproto/pds` with `@did-plc/server` (in memory) in a process of their own: SQLite and disk blobs in a
 * temporary folder, on free ports of this machine, without any network.
 */
export async function startReferencePds(options: ReferenceOptions = {}): Promise<ReferencePds> {
  const started = performance.now()
  const mails: ReferenceMail[] = []
  const neighbour: Neighbour<Ready> = await startNeighbour<Ready>(
    new URL('./reference-process.ts', import.meta.url),
    {
      LOG_ENABLED: 'false',
      PDS_DEV_MODE: String(options.production !== true),
      PDS_HOSTNAME: options.production === true ? 'reference.example' : 'localhost',
      PDS_RATE_LIMITS_ENABLED: String(options.rateLimits === true),
      PDS_INVITE_REQUIRED: String(options.inviteRequired === true),
      PDS_ADMIN_PASSWORD: referenceAdminPassword,
      ...options.env,
    },
  )
  const startMs = performance.now() - started
  neighbour.onMessage(message => {
    if (isMail(message)) mails.push(message)
  })
  const { url, plcUrl } = neighbour.ready
  return { url, plcUrl, pid: neighbour.pid, startMs, mails, output: neighbour.output, stop: neighbour.stop }
}

function isMail(message: unknown): message is ReferenceMail {
  return typeof message === 'object' && message !== null && 'to' in message && 'text' in message
}
