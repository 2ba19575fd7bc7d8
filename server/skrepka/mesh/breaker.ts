/** When to call a peer that failed: decorrelated exponential backoff with a single probe at its end. */
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { ServerName } from '../contract.ts'

export interface Breakers {
  /**
   * Whether calls may be made now: 'go'; 'probe', once, after a pause: one call, and nothing else until it has reported;
   * or 'wait'.
   */
  ask(server: ServerName): 'go' | 'probe' | 'wait'
  /** How long calls have to wait still; 0: not at all. */
  waitMs(server: ServerName): number
  /** A probe was not made after all. */
  release(server: ServerName): void
  /** The peer answered: all is forgotten. Gives whether it had been failing. */
  succeeded(server: ServerName): boolean
  /** The peer failed, or asked for a pause of `retryAfterMs`. Calls that fail while it is open already are not counted again. */
  failed(server: ServerName, retryAfterMs?: number): void
  /** The peer showed that it lives: a probe may be made now, but not more often than once in the base delay. */
  hint(server: ServerName): void
  /** How many peers are not called at the moment. */
  open(): number
}

export interface BreakerOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: Pick<Random, 'integer'>
  readonly baseMs: number
  readonly capMs: number
  /** A failure older than this is forgotten. */
  readonly forgetMs: number
  /** Peers that are remembered; those that failed longest ago are forgotten first. */
  readonly peersMax: number
}

/** A pause that a peer may ask for at most. */
const retryAfterMsMax = 3_600_000

interface State {
  failedMs: number
  waitMs: number
  probing: boolean
}

/** Breakers of all peers, for one kind of call. Kept in memory: after a restart every peer is tried once. */
export function createBreakers(options: BreakerOptions): Breakers {
  const { clock, random, baseMs, capMs, forgetMs, peersMax } = options
  // In the order of their last failure.
  const states = new Map<ServerName, State>()

  const current = (server: ServerName): State | undefined => {
    const state = states.get(server)
    if (state === undefined || clock.monotonic() - state.failedMs < forgetMs) return state
    states.delete(server)
    return undefined
  }
  const nextWait = (before: number): number => {
    const top = Math.min(capMs, Math.max(baseMs, before * 3))
    return baseMs + random.integer(Math.max(1, Math.floor(top - baseMs) + 1))
  }
  const isOver = (state: State) => clock.monotonic() - state.failedMs >= state.waitMs

  return {
    ask: server => {
      const state = current(server)
      if (state === undefined) return 'go'
      if (state.probing || !isOver(state)) return 'wait'
      state.probing = true
      return 'probe'
    },
    waitMs: server => {
      const state = current(server)
      return state === undefined ? 0 : Math.max(0, state.failedMs + state.waitMs - clock.monotonic())
    },
    release: server => {
      const state = states.get(server)
      if (state !== undefined) state.probing = false
    },
    succeeded: server => states.delete(server),
    failed: (server, retryAfterMs) => {
      const state = current(server)
      if (state !== undefined && !state.probing && !isOver(state) && retryAfterMs === undefined) return
      const waitMs =
        retryAfterMs === undefined
          ? nextWait(state?.waitMs ?? 0)
          : Math.min(retryAfterMsMax, Math.max(retryAfterMs, 1000))
      states.delete(server)
      states.set(server, { failedMs: clock.monotonic(), waitMs, probing: false })
      for (const oldest of states.keys()) {
        if (states.size <= peersMax) break
        states.delete(oldest)
      }
    },
    hint: server => {
      const state = current(server)
      if (state === undefined || clock.monotonic() - state.failedMs < baseMs) return
      state.waitMs = Math.min(state.waitMs, baseMs)
    },
    open: () => {
      let count = 0
      for (const state of states.values()) if (!isOver(state)) count += 1
      return count
    },
  }
}
