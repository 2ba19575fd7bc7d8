import { type Neighbour, startNeighbour } from '../../tools/oracles/src/child.ts'

export interface Arrivals {
  /** Frames that arrived at all subscribers together. */
  readonly deliveries: number
  /** When the commit of each record key arrived at the first subscriber, milliseconds since the epoch. */
  readonly times: ReadonlyMap<string, number>
}

/** Subscribers of one firehose, in a process of their own. */
export interface Subscribers {
  /** What arrived since the last time. */
  collect(): Promise<Arrivals>
  stop(): Promise<void>
}

/** Opens `count` connections; the first one looks into its frames, the others count them. */
export async function startSubscribers(url: string, count: number): Promise<Subscribers> {
  const child: Neighbour<'ready'> = await startNeighbour(
    new URL('./subscribers-process.ts', import.meta.url),
    {
      FIREHOSE_URL: url,
      FIREHOSE_COUNT: String(count),
    },
  )
  let answer: ((arrivals: Arrivals) => void) | undefined
  child.onMessage(message => answer?.(message as Arrivals))
  return {
    collect: () =>
      new Promise(resolve => {
        answer = resolve
        child.send({ collect: true })
      }),
    stop: child.stop,
  }
}
