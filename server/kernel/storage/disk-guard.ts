import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'

/** Decides whether the disk takes writes: no longer when it is nearly full or has failed, and again when that is over. */
export interface DiskGuard {
  /** Why writes are refused at the moment, as a sentence. */
  reason(): string | undefined
  /** Throws Refusal 'unavailable' (`ReadOnly`) while writes are refused. */
  check(): void
  /** A write failed for want of space, or of the disk: refuses the next ones until a probe succeeds. */
  trip(reason: string): void
  /** Stops looking at the disk. */
  close(): void
}

export interface DiskGuardOptions {
  readonly clock: Clock
  readonly log: Logger | undefined
  /** Bytes that can still be written to the disk. */
  readonly freeBytes: () => number
  /** Below this, writes are refused: the rest is for reads, checkpoints and the operator. */
  readonly freeBytesMin: number
  /** Writes something small and durable; throws when that fails. */
  readonly probe: () => void
}

/** How often the disk is looked at, and how long a refused client is asked to wait. */
export const diskLookMs = 5000

export function createDiskGuard(options: DiskGuardOptions): DiskGuard {
  const { clock, log, freeBytes, freeBytesMin, probe } = options
  let reason: string | undefined

  const refuse = (why: string) => {
    if (reason === undefined) log?.error({ reason: why }, 'the database is read-only')
    reason = why
  }

  const look = () => {
    const free = freeBytes()
    // Writes begin again a quarter above the mark, so that they do not flutter around it.
    if (free < (reason === undefined ? freeBytesMin : freeBytesMin * 1.25)) {
      refuse(
        `the disk is nearly full (${mebibytes(free)} free, ${mebibytes(freeBytesMin)} are kept): free some space`,
      )
      return
    }
    if (reason === undefined) return
    try {
      probe()
    } catch (error) {
      log?.debug({ error }, 'the database is still read-only')
      return
    }
    reason = undefined
    log?.info({}, 'the database takes writes again')
  }

  look()
  const stop = clock.every(diskLookMs, look)
  return {
    reason: () => reason,
    check: () => {
      if (reason !== undefined) throw readOnlyRefusal(reason)
    },
    trip: refuse,
    close: stop,
  }
}

/** What a writer is told while the database is read-only. */
export function readOnlyRefusal(reason: string, cause?: unknown): Refusal {
  return new Refusal('unavailable', `the server is read-only at the moment: ${reason}`, {
    name: 'ReadOnly',
    retryAfterMs: diskLookMs,
    cause,
  })
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)} MiB`
}
