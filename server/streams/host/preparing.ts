/** Has batches prepared: slice by slice, so that others have their turn, until each has its result. */
import { asArray, asInteger, asMap, asText } from '@leaf/streams/fields'
import type { DrislMap, DrislValue } from '@leaf/codec/drisl'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Batch, BatchResult } from './contract.ts'
import { roundsMax, sliceMs } from './limits.ts'
import type { BatchKind, HostReply, HostRequest, Target } from './protocol.ts'
import type { Asked, Targets } from './targets.ts'
import { Overdue } from './job.ts'

export interface PreparedBatches {
  readonly results: readonly BatchResult[]
  /** Whether a transaction is open. */
  readonly isPending: boolean
}

export interface PrepareOptions {
  readonly targets: Targets
  readonly clock: Clock
  /** For all slices together. */
  readonly deadlineMs: number
}

/** `batches` is called when a host is about to run them, again when it starts anew. */
export async function prepareBatches(
  { targets, clock, deadlineMs }: PrepareOptions,
  asked: Asked,
  kind: BatchKind,
  batches: () => readonly Batch[],
): Promise<PreparedBatches> {
  const first = {
    op: 'prepare',
    request: (target: Target): HostRequest => ({
      op: 'prepare',
      target,
      kind,
      batches: batches(),
      budgetMs: sliceMs,
    }),
    pins: leavesOpen,
  }
  const more = {
    op: 'more',
    // Tried as what it is a part of.
    name: 'prepare',
    request: ({ key }: Target): HostRequest => ({ op: 'more', key, budgetMs: sliceMs }),
    pins: leavesOpen,
  }
  // The host of the first slices may be gone, or needed by others: then it starts anew, elsewhere.
  for (let round = 0; round < roundsMax; round += 1) {
    let reply = await targets.ask(asked, { ...first, deadlineMs }, 'quick')
    const endMs = clock.monotonic() + deadlineMs
    while (reply['isMore'] === true) {
      const leftMs = endMs - clock.monotonic()
      if (leftMs <= 0) throw new Overdue(deadlineMs)
      reply = await targets.ask(asked, { ...more, deadlineMs: leftMs }, 'quick')
    }
    if (reply['isLost'] === true) continue
    const results = asArray(reply['results'], 'results').map(resultOf)
    return { results, isPending: reply['pending'] === true }
  }
  throw new Refusal('unavailable', 'this stream has no host for long enough; try again in a moment', {
    retryAfterMs: 1000,
  })
}

function leavesOpen(reply: HostReply): boolean {
  return reply.kind === 'done' && (reply.map['pending'] === true || reply.map['isMore'] === true)
}

function resultOf(value: DrislValue): BatchResult {
  const map: DrislMap = asMap(value, 'result')
  if (map['ok'] !== true) return { ok: false, error: asText(map['error'], 'error') }
  return {
    ok: true,
    firstIdx: asInteger(map['firstIdx'], 'firstIdx'),
    lastIdx: asInteger(map['lastIdx'], 'lastIdx'),
  }
}
