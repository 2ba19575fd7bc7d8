import { type Connection, openConnection, type Reply } from './connection.ts'

export interface Load {
  /** Answers per second, over the measured time. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of all answers, the warm-up's too. */
  readonly count: number
}

export interface LoadOptions {
  readonly url: string
  readonly clients: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** The bytes of the next request of a client. */
  readonly next: (client: number) => Buffer
}

/** The middle and the end of the distribution. Milliseconds. */
export function quantiles(samples: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = Float64Array.from(samples).sort()
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Fails when an answer is no success: a benchmark of refusals is none. */
export function expectOk(reply: Reply): Reply {
  if (reply.status !== 200)
    throw new Error(`expected 200, got ${reply.status} ${reply.body.subarray(0, 300)}`)
  return reply
}

/** Every client sends its next request when it has the answer to the last: as fast as the server lets them. */
export async function closedLoop(options: LoadOptions): Promise<Load> {
  const { url, clients, warmUpMs, measureMs, next } = options
  const start = performance.now() + warmUpMs
  const end = start + measureMs
  const samples: number[] = []
  let lastAnswer = start
  let count = 0

  const run = async (client: number, connection: Connection) => {
    while (performance.now() < end) {
      const bytes = next(client)
      const sent = performance.now()
      expectOk(await connection.request(bytes))
      const answered = performance.now()
      count += 1
      if (sent >= start) {
        samples.push(answered - sent)
        lastAnswer = answered
      }
    }
  }
  await withConnections(url, clients, connections =>
    Promise.all(connections.map((one, client) => run(client, one))),
  )
  return { perSecond: (samples.length / (lastAnswer - start)) * 1000, count, ...quantiles(samples) }
}

export interface Sent {
  /** What the request is known by. */
  readonly key: string
  /** Milliseconds since the epoch, with fractions. */
  readonly sentAt: number
  readonly answeredAt: number
}

/** Milliseconds since the epoch, with fractions: comparable between processes of one machine. */
export const wallClock = (): number => performance.timeOrigin + performance.now()

/**
 * Sends at a fixed rate, whatever the server does, over as many connections as it takes (at most `clients`); the time
 * that a request waits for a free connection counts.
 */
export async function openLoop(options: {
  readonly url: string
  readonly clients: number
  readonly perSecond: number
  readonly measureMs: number
  readonly next: (client: number) => { readonly key: string; readonly bytes: Buffer }
}): Promise<Sent[]> {
  const { url, clients, perSecond, measureMs, next } = options
  const count = Math.floor((perSecond * measureMs) / 1000)
  const start = wallClock() + 50
  const sent: Sent[] = []
  let taken = 0

  const run = async (client: number, connection: Connection) => {
    while (taken < count) {
      const due = start + (taken * 1000) / perSecond
      taken += 1
      const early = due - wallClock()
      if (early > 0) await new Promise(resolve => setTimeout(resolve, early))
      const { key, bytes } = next(client)
      expectOk(await connection.request(bytes))
      sent.push({ key, sentAt: due, answeredAt: wallClock() })
    }
  }
  await withConnections(url, clients, connections =>
    Promise.all(connections.map((one, client) => run(client, one))),
  )
  return sent
}

async function withConnections(
  url: string,
  count: number,
  use: (connections: readonly Connection[]) => Promise<unknown>,
): Promise<void> {
  const connections = await Promise.all(Array.from({ length: count }, () => openConnection(url)))
  try {
    await use(connections)
  } finally {
    for (const one of connections) one.close()
  }
}
