/** What is measured of Leaf, through the published client, and of the upstream algorithm beside it. */
import type { LeafClient } from '@muni-town/leaf-client'
import { community } from '../../examples/community/module.ts'
import { quantiles } from '../pds/load.ts'
import type { House } from './house.ts'
import { messagePayload, setUpPayloads } from './load.ts'
import { openUpstream, type UpstreamOptions } from './upstream.ts'

export interface Figure {
  readonly value: number
  readonly text: string
}

export interface Extent {
  readonly warmUpMs: number
  readonly measureMs: number
  /** Events of the stream that is built anew. */
  readonly rebuildEvents: number
  readonly subscribers: number
}

const user = 'did:web:founder.example'

/** A stream of the community with its rooms. */
export async function createStream(client: LeafClient): Promise<string> {
  const { moduleCid } = await uploadCommunity(client)
  const { streamDid } = await client.createStream(moduleCid)
  await client.sendEvents(streamDid, setUpPayloads())
  return streamDid
}

function uploadCommunity(client: LeafClient, note = ''): Promise<{ moduleCid: string }> {
  const { module } = community
  return client.uploadBasicModule({
    $type: 'muni.town.leaf.module.basic.v0',
    initSql: module.initSql,
    authorizer: `${module.authorizer}${note}`,
    materializer: module.materializer,
    stateInitSql: module.stateInitSql,
    stateMaterializer: module.stateMaterializer,
    queries: module.queries.map(query => ({ ...query, params: query.params.map(param => ({ ...param })) })),
  })
}

/** Repeats `work` on `lanes` side by side: first to warm up, then counted. */
async function repeat(extent: Extent, lanes: number, work: (lane: number) => Promise<void>) {
  const samples: number[] = []
  const run = async (lane: number, until: number, keep: boolean) => {
    while (performance.now() < until) {
      const before = performance.now()
      await work(lane)
      if (keep) samples.push(performance.now() - before)
    }
  }
  const all = (ms: number, keep: boolean) => {
    const until = performance.now() + ms
    return Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane, until, keep)))
  }
  await all(extent.warmUpMs, false)
  const began = performance.now()
  await all(extent.measureMs, true)
  return { perSecond: (samples.length / (performance.now() - began)) * 1000, ...quantiles(samples) }
}

const milliseconds = (ms: number) => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0))

/** Batches of `size`, one after the other's answer, on one stream. */
export async function appendSequentially(house: House, extent: Extent, size: number): Promise<Figure> {
  const client = await house.connect()
  const stream = await createStream(client)
  let n = 0
  const next = () => messagePayload((n += 1))
  const { perSecond, p50Ms, p99Ms } = await repeat(extent, 1, () =>
    client.sendEvents(stream, Array.from({ length: size }, next)),
  )
  const value = perSecond * size
  return {
    value,
    text: `${value.toFixed(0)} events/s (p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)} ms a batch)`,
  }
}

/** Single events, `depth` in flight on each of `streams`. */
export async function appendPipelined(
  house: House,
  extent: Extent,
  { streams, depth }: { readonly streams: number; readonly depth: number },
): Promise<Figure> {
  const client = await house.connect()
  const dids: string[] = []
  for (let index = 0; index < streams; index += 1) dids.push(await createStream(client))
  let n = 0
  const { perSecond, p50Ms, p99Ms } = await repeat(extent, streams * depth, lane =>
    client.sendEvent(dids[lane % streams] ?? '', messagePayload((n += 1), `l${lane}`)),
  )
  return {
    value: perSecond,
    text: `${perSecond.toFixed(0)} events/s (p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)} ms)`,
  }
}

/** Pages of 50 messages out of 500, 16 in flight. */
export async function queryPages(house: House, extent: Extent): Promise<Figure> {
  const client = await house.connect()
  const stream = await createStream(client)
  for (let n = 0; n < 500; n += 100)
    await client.sendEvents(
      stream,
      Array.from({ length: 100 }, (_, index) => messagePayload(n + index)),
    )
  const params = { room: { $type: 'muni.town.sqliteValue.text', value: 'room-0' } } as const
  const { perSecond, p50Ms, p99Ms } = await repeat(extent, 16, async () => {
    const rows = await client.query(stream, { name: 'messages', params, limit: 50 })
    if (rows.length !== 50) throw new Error(`expected 50 rows, got ${rows.length}`)
  })
  return {
    value: perSecond,
    text: `${perSecond.toFixed(0)} queries/s (p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)} ms)`,
  }
}

/** Single events, one after the other's answer, while many subscribe; counts rows that arrived. */
export async function deliver(house: House, extent: Extent): Promise<Figure> {
  const writer = await house.connect()
  const stream = await createStream(writer)
  const clients = await Promise.all(Array.from({ length: 8 }, () => house.connect()))
  let rows = 0
  for (let index = 0; index < extent.subscribers; index += 1) {
    const client = clients[index % clients.length]
    await client?.subscribeEvents(stream, { name: 'events', params: {} }, page => {
      if ('Ok' in page) rows += page.Ok.rows.length
    })
  }
  let n = 0
  const began = performance.now()
  const { perSecond } = await repeat({ ...extent, warmUpMs: 0 }, 1, () =>
    writer.sendEvent(stream, messagePayload((n += 1))),
  )
  const value = (rows / (performance.now() - began)) * 1000
  return {
    value,
    text: `${value.toFixed(0)} rows/s to ${extent.subscribers} subscribers, ${perSecond.toFixed(0)} events/s`,
  }
}

/** From the request to the first page, on a client that does nothing else, one after the other. */
export async function firstPage(house: House): Promise<Figure> {
  const client = await house.connect()
  const stream = await createStream(client)
  const samples: number[] = []
  for (let index = 0; index < 40; index += 1) {
    const before = performance.now()
    let arrived = () => {}
    const page = new Promise<void>(resolve => (arrived = resolve))
    const end = await client.subscribeEvents(stream, { name: 'events', params: {}, start: 1 }, () =>
      arrived(),
    )
    await page
    samples.push(performance.now() - before)
    await end()
  }
  const { p50Ms, p99Ms } = quantiles(samples)
  return { value: p50Ms, text: `p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)} ms` }
}

/** From a fresh start of the whole server, whose streams are all cold, to the rows of a first query. */
export async function firstQuery(house: House): Promise<Figure> {
  const before = await house.connect()
  const stream = await createStream(before)
  before.disconnect()
  await house.leaf.stop()
  await house.leaf.start()
  const client = await house.connect()
  const began = performance.now()
  await client.query(stream, { name: 'space', params: {} })
  const value = performance.now() - began
  return { value, text: `${milliseconds(value)} ms` }
}

/** Another module for a stream with many events: from the request to the answer. */
export async function rebuild(house: House, extent: Extent): Promise<Figure> {
  const client = await house.connect()
  const stream = await createStream(client)
  for (let n = 0; n < extent.rebuildEvents; n += 500)
    await client.sendEvents(
      stream,
      Array.from({ length: 500 }, (_, index) => messagePayload(n + index)),
    )
  const { moduleCid } = await uploadCommunity(client, '\n-- the next version\n')
  const before = performance.now()
  await client.updateModule(stream, moduleCid)
  return perSecondFigure(extent.rebuildEvents, performance.now() - before)
}

type Synchronous = UpstreamOptions['synchronous']

/** The upstream algorithm with batches of `size`, in this process, without sockets. */
export function upstreamAppend(extent: Extent, size: number, synchronous: Synchronous): Figure {
  const stream = openUpstream({ module: community.module, synchronous })
  try {
    stream.append(setUpPayloads().map(payload => ({ user, payload })))
    let n = 0
    const run = (ms: number) => {
      const began = performance.now()
      let events = 0
      while (performance.now() - began < ms) {
        stream.append(Array.from({ length: size }, () => ({ user, payload: messagePayload((n += 1)) })))
        events += size
      }
      return { events, ms: performance.now() - began }
    }
    run(extent.warmUpMs)
    const { events, ms } = run(extent.measureMs)
    return perSecondFigure(events, ms)
  } finally {
    stream.close()
  }
}

/** The upstream algorithm builds its views anew. */
export function upstreamRebuild(extent: Extent): Figure {
  const stream = openUpstream({ module: community.module, synchronous: 'normal' })
  // Its rate does not depend on how many there are.
  const events = Math.min(extent.rebuildEvents, 5000)
  try {
    stream.append(
      [...setUpPayloads(), ...Array.from({ length: events }, (_, n) => messagePayload(n))].map(payload => ({
        user,
        payload,
      })),
    )
    const before = performance.now()
    const count = stream.rebuild()
    return perSecondFigure(count, performance.now() - before)
  } finally {
    stream.close()
  }
}

function perSecondFigure(events: number, ms: number): Figure {
  const value = (events / ms) * 1000
  return { value, text: `${value.toFixed(0)} events/s` }
}
