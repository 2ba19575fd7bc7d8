/** How long to wait after failures: growing, never in step with others, never endless. */
import type { RandomBytes } from './blob.ts'
import { SkrepkaError } from './errors.ts'

const firstMs = 1000
const mostMs = 120_000

export interface Backoff {
  /** Milliseconds to wait after one more failure; what the relay asked for, if that is longer. */
  failed(error: unknown): number
  succeeded(): void
}

/** Decorrelated exponential backoff with jitter. */
export function createBackoff(random: RandomBytes): Backoff {
  let lastMs = 0
  return {
    succeeded: () => {
      lastMs = 0
    },
    failed: error => {
      const [high = 0, low = 0] = random(2)
      const share = (high * 256 + low) / 65_536
      lastMs = Math.min(mostMs, firstMs + share * (Math.max(firstMs, lastMs * 3) - firstMs))
      const asked = error instanceof SkrepkaError ? (error.retryAfterMs ?? 0) : 0
      return Math.max(lastMs, asked)
    },
  }
}
