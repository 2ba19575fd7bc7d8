import { type Account, createAccount } from '../../server/test/support/http.ts'
import { openConnection, requestBytes } from './connection.ts'
import { closedLoop, expectOk, type Load, openLoop, quantiles, wallClock } from './load.ts'
import { cpuSeconds } from './machine.ts'
import type { Side } from './sides.ts'
import { startSubscribers } from './subscribers.ts'

export interface Extent {
  readonly warmUpMs: number
  readonly measureMs: number
  /** Records of the repo that getRepo exports. */
  readonly repoRecords: number
  readonly subscribers: number
}

/** One figure of one side. */
export interface Figure {
  /** The number that is compared; more is better unless `lowerIsBetter`. */
  readonly value: number
  /** In words, with units. */
  readonly text: string
}

const postType = 'app.bsky.feed.post'
const writesMax = 200

let counter = 0
const postRecord = () => {
  counter += 1
  return {
    $type: postType,
    text: `Measured in earnest, number ${counter}: a post of ordinary length, as people write them on an ordinary day.`,
    langs: ['en'],
    createdAt: new Date().toISOString(),
  }
}

function accountOf(side: Side, client: number): Account {
  const account = side.accounts[client % side.accounts.length]
  if (account === undefined) throw new Error('a side has accounts')
  return account
}

function createRequest(side: Side, client: number, rkey?: string): Buffer {
  const account = accountOf(side, client)
  return requestBytes(side.url, {
    method: 'POST',
    path: '/xrpc/com.atproto.repo.createRecord',
    token: account.accessJwt,
    json: {
      repo: account.did,
      collection: postType,
      record: postRecord(),
      ...(rkey === undefined ? {} : { rkey }),
    },
  })
}

const round = (value: number) =>
  value >= 100 ? Math.round(value) : Number(value.toFixed(value >= 10 ? 1 : 2))

async function measured(side: Side, run: () => Promise<Load>): Promise<Figure> {
  const before = cpuSeconds(side.pid)
  const load = await run()
  const after = cpuSeconds(side.pid)
  const cpu =
    before === undefined || after === undefined
      ? ''
      : `, CPU ${round(((after - before) * 1000) / load.count)} ms`
  const text = `${round(load.perSecond)}/s, p50 ${round(load.p50Ms)}, p99 ${round(load.p99Ms)} ms${cpu}`
  return { value: load.perSecond, text }
}

/** createRecord as fast as `clients` clients can, over 16 repos. */
export function createRecords(side: Side, extent: Extent, clients: number): Promise<Figure> {
  return measured(side, () =>
    closedLoop({ ...extent, url: side.url, clients, next: client => createRequest(side, client) }),
  )
}

/** applyWrites of 200 creations, one client. Records per second. */
export async function applyWrites(side: Side, extent: Extent): Promise<Figure> {
  const load = await closedLoop({
    ...extent,
    url: side.url,
    clients: 1,
    next: () => batchRequest(side, accountOf(side, 0)),
  })
  const value = load.perSecond * writesMax
  return {
    value,
    text: `${round(value)} records/s, p50 ${round(load.p50Ms)}, p99 ${round(load.p99Ms)} ms a batch`,
  }
}

function batchRequest(side: Side, account: Account): Buffer {
  const writes = Array.from({ length: writesMax }, () => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection: postType,
    value: postRecord(),
  }))
  return requestBytes(side.url, {
    method: 'POST',
    path: '/xrpc/com.atproto.repo.applyWrites',
    token: account.accessJwt,
    json: { repo: account.did, writes },
  })
}

/** An account with `extent.repoRecords` posts, to read from. */
export async function fillLibrary(side: Side, extent: Extent): Promise<Library> {
  const account = await createAccount(side.url, 'bookcase')
  const connection = await openConnection(side.url)
  let uri = ''
  for (let n = 0; n < extent.repoRecords; n += writesMax) {
    const reply = expectOk(await connection.request(batchRequest(side, account)))
    uri = (JSON.parse(reply.body.toString()) as { results: { uri: string }[] }).results[0]?.uri ?? ''
  }
  connection.close()
  return { account, rkey: uri.split('/').at(-1) ?? '' }
}

export interface Library {
  readonly account: Account
  /** Of one of its posts. */
  readonly rkey: string
}

/** One query, the same again and again, by 16 clients. */
export function read(side: Side, extent: Extent, path: string): Promise<Figure> {
  const bytes = requestBytes(side.url, { method: 'GET', path })
  return measured(side, () => closedLoop({ ...extent, url: side.url, clients: 16, next: () => bytes }))
}

/** getRepo of the library, one client. */
export async function exportRepo(side: Side, extent: Extent, library: Library): Promise<Figure> {
  const bytes = requestBytes(side.url, {
    method: 'GET',
    path: `/xrpc/com.atproto.sync.getRepo?did=${library.account.did}`,
  })
  const load = await closedLoop({ ...extent, url: side.url, clients: 1, next: () => bytes })
  return { value: load.perSecond, text: `${round(load.p50Ms)} ms (p99 ${round(load.p99Ms)})` }
}

/** How long after the request, and after the answer, a subscriber has the commit; at a steady rate of writes. */
export async function firehoseLatency(side: Side, extent: Extent, perSecond: number): Promise<Figure> {
  const subscribers = await startSubscribers(side.url, 1)
  const start = wallClock()
  const sent = await openLoop({
    url: side.url,
    clients: 32,
    perSecond,
    measureMs: extent.measureMs,
    next: client => {
      const key = rkeyOf(start)
      return { key: `${postType}/${key}`, bytes: createRequest(side, client, key) }
    },
  })
  await new Promise(resolve => setTimeout(resolve, 1_500))
  const { times } = await subscribers.collect()
  await subscribers.stop()
  const arrived = sent.filter(one => times.has(one.key))
  if (arrived.length < sent.length) throw new Error(`${sent.length - arrived.length} commits never arrived`)
  const afterRequest = quantiles(arrived.map(one => (times.get(one.key) ?? 0) - one.sentAt))
  const afterAnswer = quantiles(arrived.map(one => (times.get(one.key) ?? 0) - one.answeredAt))
  return {
    value: afterRequest.p99Ms,
    text: `at ${round(perSecond)}/s: p50 ${round(afterRequest.p50Ms)}, p99 ${round(afterRequest.p99Ms)} ms after the request; p99 ${round(afterAnswer.p99Ms)} ms after the answer`,
  }
}

const tidLetters = '234567abcdefghijklmnopqrstuvwxyz'
let tidCounter = 0

/** A TID of our own, so that the key is known before the answer. */
function rkeyOf(startMs: number): string {
  tidCounter += 1
  let number = (BigInt(Math.floor(startMs)) * 1000n + BigInt(tidCounter)) << 10n
  let text = ''
  for (let n = 0; n < 13; n += 1) {
    text = tidLetters.charAt(Number(number & 31n)) + text
    number >>= 5n
  }
  return text
}

/** How much slower four writers are when many listen, and how much is delivered. */
export async function fanOut(side: Side, extent: Extent): Promise<Figure> {
  const writers = () =>
    closedLoop({ ...extent, url: side.url, clients: 4, next: client => createRequest(side, client) })
  const alone = await writers()
  const subscribers = await startSubscribers(side.url, extent.subscribers)
  await subscribers.collect()
  const before = wallClock()
  const watched = await writers()
  const { deliveries } = await subscribers.collect()
  const seconds = (wallClock() - before) / 1000
  await subscribers.stop()
  return {
    value: watched.perSecond,
    text: `${round(alone.perSecond)} → ${round(watched.perSecond)} writes/s (${Math.round((watched.perSecond / alone.perSecond - 1) * 100)} %), ${round(deliveries / seconds / 1000)} k deliveries/s`,
  }
}

/** The same at a modest, fixed rate: what the listeners cost writers who are not many. */
export async function fanOutAtRate(side: Side, extent: Extent, perSecond: number): Promise<Figure> {
  const write = async () => {
    const sent = await openLoop({
      url: side.url,
      clients: 8,
      perSecond,
      measureMs: extent.measureMs,
      next: client => ({ key: '', bytes: createRequest(side, client) }),
    })
    const lastMs = Math.max(...sent.map(one => one.answeredAt)) - Math.min(...sent.map(one => one.sentAt))
    return { ...quantiles(sent.map(one => one.answeredAt - one.sentAt)), rate: (sent.length / lastMs) * 1000 }
  }
  const alone = await write()
  const subscribers = await startSubscribers(side.url, extent.subscribers)
  const watched = await write()
  const { deliveries } = await subscribers.collect()
  await subscribers.stop()
  const share = deliveries / (watched.rate * (extent.measureMs / 1000) * extent.subscribers)
  return {
    value: watched.p99Ms,
    text: `${round(alone.rate)} → ${round(watched.rate)} writes/s, p50 ${round(alone.p50Ms)} → ${round(watched.p50Ms)}, p99 ${round(alone.p99Ms)} → ${round(watched.p99Ms)} ms, ${Math.min(100, Math.round(share * 100))} % delivered by the last answer`,
  }
}
