import { randomBytes } from 'node:crypto'
import { quantiles } from '../pds/load.ts'

/** Keeps so many sends of a client library under way; each blob is another. */
export async function closedTasks(
  options: {
    readonly inFlight: number
    readonly blobBytes: number
    readonly warmUpMs: number
    readonly measureMs: number
  },
  send: (number: number, blob: Buffer) => Promise<void>,
): Promise<{ readonly count: number; readonly text: string }> {
  const start = performance.now() + options.warmUpMs
  const end = start + options.measureMs
  const samples: number[] = []
  let count = 0
  const run = async () => {
    const blob = randomBytes(options.blobBytes)
    for (let nowMs = performance.now(); nowMs < end; nowMs = performance.now()) {
      count += 1
      blob.writeUInt32BE(count)
      await send(count, blob)
      if (nowMs >= start) samples.push(performance.now() - nowMs)
    }
  }
  await Promise.all(Array.from({ length: options.inFlight }, run))
  const perSecond = (samples.length / options.measureMs) * 1000
  const { p50Ms, p99Ms } = quantiles(samples)
  const text = `${Math.round(perSecond).toLocaleString('en')} messages/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
  return { count, text }
}
