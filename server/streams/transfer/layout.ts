/**
 * Where everything of a backup is, below its folder. The names and what is in them are those of the Leaf Framework's
 * server, which reads such a backup (but for the sealed keys) and whose backups are read here:
 *
 *     modules/<cid>.module.drisl.zstd
 *     streams/<did>/metadata.drisl
 *     streams/<did>/<first>-<last>.events.drisl.zstd      together all events, from 1
 *     streams/<did>/state.db.zstd
 *     streams/<did>/state-events.drisl.zstd               ours: what is not in state.db yet
 */
import { Refusal } from '../../kernel/errors.ts'

export const modulePath = (cid: string) => `modules/${cid}.module.drisl.zstd`
export const streamPath = (did: string) => `streams/${did}`
export const metadataPath = (did: string) => `${streamPath(did)}/metadata.drisl`
export const statePath = (did: string) => `${streamPath(did)}/state.db.zstd`
export const stateEventsPath = (did: string) => `${streamPath(did)}/state-events.drisl.zstd`
export const eventsPath = (did: string, { first, last }: Range) =>
  `${streamPath(did)}/${first}-${last}.events.drisl.zstd`

/** Events from `first` to `last`, inclusive. */
export interface Range {
  readonly first: number
  readonly last: number
}

/** The ranges that names of a stream's objects stand for, in order. Other names are left out. */
export function rangesIn(names: readonly string[]): readonly Range[] {
  const ranges: Range[] = []
  for (const name of names) {
    const [, first, last] = /^([1-9]\d{0,14})-([1-9]\d{0,14})\.events\.drisl\.zstd$/.exec(name) ?? []
    if (first !== undefined && last !== undefined) ranges.push({ first: Number(first), last: Number(last) })
  }
  return ranges.sort((a, b) => a.first - b.first || a.last - b.last)
}

/** The last event of ranges that follow one another from 1; 0 without any. Throws Refusal `invalid` for a hole or an overlap. */
export function lastOf(did: string, ranges: readonly Range[]): number {
  let next = 1
  for (const { first, last } of ranges) {
    if (first !== next || last < first) {
      throw new Refusal(
        'invalid',
        `the events of ${did} do not follow one another: expected some from ${next}, got ${first}-${last}`,
      )
    }
    next = last + 1
  }
  return next - 1
}
