/** Proofs that a peer's own answer has shown to be over: heard again, they are not believed at once. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { KeyHex, ServerName } from '../contract.ts'

export interface HoldOff {
  /** The server said that the key is not there, though a proof made at `proofAt` stood. */
  begin(server: ServerName, key: KeyHex, proofAt: number): void
  /** Whether a proof made at `proofAt` is not believed now. A newer one always is: somebody logged in again. */
  holds(server: ServerName, key: KeyHex, proofAt: number | undefined): boolean
}

const holdMs = 300_000
const entriesMax = 10_000

/** Without this, whoever repeats an overheard proof would have a message sent in vain each time. */
export function createHoldOff(clock: Pick<Clock, 'monotonic'>): HoldOff {
  const entries = createBoundedMap<string, { readonly proofAt: number; readonly endMs: number }>(entriesMax)
  return {
    begin: (server, key, proofAt) => {
      entries.set(`${server} ${key}`, { proofAt, endMs: clock.monotonic() + holdMs })
    },
    holds: (server, key, proofAt) => {
      const entry = entries.get(`${server} ${key}`)
      if (entry === undefined || proofAt === undefined) return false
      return proofAt <= entry.proofAt && clock.monotonic() < entry.endMs
    },
  }
}
