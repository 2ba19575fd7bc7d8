/** A relay without sockets: its rooms put together. */
import { Corruption, Refusal } from '../kernel/errors.ts'
import type { Relay, RelayAnswer, RelayDependencies, RelayRequest } from './contract.ts'
import { createPresence } from './auth/presence.ts'
import { createAuthRoom } from './auth/room.ts'
import { countMail } from './database/mailboxes.ts'
import { migrations } from './database/schema.ts'
import { answerError, answerLater, answerLimited, WireFault } from './http/answers.ts'
import { eventsAnswer } from './http/events.ts'
import { createRespond } from './http/respond.ts'
import { createHandlers } from './http/routes.ts'
import { createPageReader } from './http/pages.ts'
import { createMailRoom } from './mailbox/room.ts'
import { createMesh } from './mesh/mesh.ts'
import { createLimits } from './middleware/limits.ts'

/** What the relay's transports need beyond `Relay`. */
export interface RelayCore extends Relay {
  /** What to answer before the body is read, if anything: too many calls from this address. */
  admit(address: string): RelayAnswer | undefined
  /** Like `answer` for a request that was admitted, but throws what is no answer: Corruption, faults. */
  respond(request: RelayRequest): Promise<RelayAnswer>
  /** What is under way now; what waits, as it was last counted. */
  load(): RelayLoad
  /** Whether a header names a session: asked before a large body is read. */
  isKnown(request: Pick<RelayRequest, 'header' | 'address' | 'forwarded'>): Promise<boolean>
}

export interface RelayLoad {
  readonly waiters: number
  readonly sends: number
  readonly mailboxes: number
  readonly pending: number
  readonly bytes: number
}

/** Brings the tables up to date and builds a relay. Nothing runs in the background before `start`. */
export async function createRelay(deps: RelayDependencies): Promise<RelayCore> {
  const { settings, database, clock, log } = deps
  await database.migrate('skrepka', migrations)
  const mail = createMailRoom(deps, mailboxes => createMesh({ ...deps, mailboxes }))
  const { mesh } = mail
  const { sessions, login } = createAuthRoom(deps, mesh)
  const limits = createLimits(settings, clock)
  const pages = createPageReader({ direct: database.direct, vault: mail.vault })
  const handlers = createHandlers({
    settings,
    limits,
    login,
    sessions,
    collector: mail.collector,
    lane: mail.lane,
    vault: mail.vault,
    pages,
    poll: mail.poll,
    refresh: createPresence({ settings, database, clock, log, mesh }),
    events: eventsAnswer({ stream: mail.events, pages, sessions }),
  })

  const respond = createRespond({ settings, handlers, mesh })
  const admit = (address: string): RelayAnswer | undefined => {
    const waitMs = limits.request(address)
    return waitMs > 0 ? answerLimited(waitMs) : undefined
  }

  let counted = { mailboxes: 0, pending: 0, bytes: 0 }
  const count = async () => {
    counted = await countMail(database.direct)
    return counted
  }
  const sweeper = createSweeper(deps, [login.sweep, mail.expiry.sweep, count])

  return {
    admit,
    respond,
    load: () => ({ waiters: mail.waiting(), sends: mail.lane.waiting(), ...counted }),
    isKnown: async request => (await sessions.find(request.header('authorization'), request)) !== undefined,
    answer: async request => {
      try {
        return admit(request.address) ?? (await respond(request))
      } catch (error) {
        const answer = answerOf(error)
        if (answer !== undefined) return answer
        log.error({ error }, 'a request failed')
        return answerError(500, 'internal error')
      }
    },
    start: async () => {
      mesh.start()
      mail.start()
      sweeper.start()
    },
    stop: async () => {
      const swept = sweeper.stop()
      mail.stop()
      await mesh.stop()
      await swept
      await mail.vault.idle()
    },
    counts: async () => {
      const { mailboxes, pending } = await count()
      return { mailboxes, pending, waiters: mail.waiting(), ...(await mesh.counts()) }
    },
  }
}

/** What is over goes: at the start, and then again and again. */
function createSweeper(
  { settings, clock, log }: Pick<RelayDependencies, 'settings' | 'clock' | 'log'>,
  works: readonly (() => Promise<unknown>)[],
) {
  let cancel: (() => void) | undefined
  let sweeping: Promise<void> | undefined
  const sweep = () => {
    sweeping ??= Promise.all(works.map(work => work()))
      .then(() => undefined)
      .catch((error: unknown) => log.warn({ error }, 'what is over could not be swept: tried again later'))
      .finally(() => {
        sweeping = undefined
      })
  }
  return {
    start: () => {
      sweep()
      cancel = clock.every(settings.backgroundPruneInterval, sweep)
    },
    stop: async () => {
      cancel?.()
      await sweeping
    },
  }
}

/** The answer that an error stands for; undefined: it is a fault. */
export function answerOf(error: unknown): RelayAnswer | undefined {
  if (error instanceof WireFault) return error.answer
  if (error instanceof Corruption || !(error instanceof Refusal)) return undefined
  return answerLater(503, 'unavailable', error.retryAfterMs ?? 1000)
}
