/** Subscriptions and reads of a whole Leaf: nothing that was there is lost, on a client that is idle or busy. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { createLeafClient } from '@leaf/streams/node/client'
import { sha256 } from '@leaf/streams/node/crypto'
import type { LeafClient } from '@muni-town/leaf-client'
import { payloadOf } from '../../../examples/community/events.ts'
import { generateCommunity } from '../../../examples/community/generate.ts'
import { community } from '../../../examples/community/module.ts'
import { createAuthenticator } from '../../../examples/community/sign-in.ts'
import type { Leaf } from '../support/leaf.ts'
import { plainModule } from './modules.ts'
import { createPeople, type Person, unsafeToken } from './people.ts'

const eventsCount = 101
const idleCount = 40
const busyCount = 30
const parallelCount = 20
/** How long a busy client does nothing but compute. */
const busySliceMs = 20
const communityEvents = 300

/** The scenarios of one Leaf, whose limits are raised. */
export function followingScenarios(leaf: () => Leaf): void {
  const people = createPeople(leaf)
  let eve: Person
  let stream: string

  before(async () => {
    eve = await people.person('eve')
    const { moduleCid } = await eve.client.uploadBasicModule(plainModule)
    stream = (await eve.client.createStream(moduleCid)).streamDid
    const events = Array.from({ length: eventsCount }, (_, n) => Buffer.from(`line ${n}`))
    await eve.client.sendEvents(stream, events)
  })
  after(() => people.disconnect())

  const backfill = (client: LeafClient, limit: number) =>
    new Promise<number>((resolve, reject) => {
      let rows = 0
      const query = { name: 'lines', params: {}, start: 1, limit }
      client
        .subscribeEvents(stream, query, page => {
          if ('Err' in page) return reject(new Error(page.Err))
          rows += page.Ok.rows.length
          if (!page.Ok.has_more) resolve(rows)
        })
        .catch(reject)
    })

  it(`${idleCount} subscriptions at once lose no first page`, { timeout: 30_000 }, async () => {
    const rows = await Promise.all(Array.from({ length: idleCount }, () => backfill(eve.client, 1000)))
    assert.deepEqual(rows, Array(idleCount).fill(eventsCount))
  })

  it(`${busyCount} subscriptions of a busy client lose no first page`, { timeout: 30_000 }, async () => {
    const client = await people.connect()
    for (let count = 0; count < busyCount; count += 1) {
      const waiting = backfill(client, 1000)
      const until = performance.now() + busySliceMs
      while (performance.now() < until);
      assert.equal(await waiting, eventsCount)
    }
  })

  it(`${parallelCount} backfills side by side are complete`, { timeout: 30_000 }, async () => {
    const client = await people.connect()
    const rows = await Promise.all(Array.from({ length: parallelCount }, () => backfill(client, 10)))
    assert.deepEqual(rows, Array(parallelCount).fill(eventsCount))
  })

  it('our client runs the community: a generated life, typed queries, a subscription, state, and the chain', async t => {
    const operator = createLeafClient(leaf().url, async () => unsafeToken)
    // As the example's own program signs in.
    const signIn = createAuthenticator(leaf().url, {
      LEAF_IDENTIFIER: eve.handle,
      LEAF_PASSWORD: eve.password,
    })
    const client = createLeafClient(leaf().url, signIn, { plcDirectory: leaf().plcUrl })
    t.after(() => {
      operator.disconnect()
      client.disconnect()
    })
    const { moduleCid } = await client.uploadModule(community.bytes)
    assert.equal(moduleCid, community.cid(sha256))
    const { streamDid } = await client.createStream(moduleCid)
    const members = [eve.did, ...Array.from({ length: 5 }, (_, n) => `did:web:member-${n}`)]
    const life = [...generateCommunity({ seed: 7, events: communityEvents, members })]
    let caughtUp = () => {}
    const followed: number[] = []
    const end = await client.subscribeEvents(
      streamDid,
      community.query('events', {}, { start: 1, limit: 50 }),
      page => {
        // Before there is a community nobody is its member.
        if (!page.ok) return
        for (const { idx } of page.rows) followed.push(idx)
        if (followed.length === communityEvents) caughtUp()
      },
    )
    const all = new Promise<void>(resolve => (caughtUp = resolve))
    for (const { user, payload } of life)
      await operator.sendEvents(streamDid, [payload], { userOverride: user })
    await all
    await end()
    assert.deepEqual(
      followed,
      Array.from({ length: communityEvents }, (_, n) => n + 1),
    )
    const rows = await client.query(streamDid, community.query('members', {}))
    assert.deepEqual(new Set(rows.map(({ did }) => did)), new Set(members))
    const head = await client.verifyChain(streamDid)
    assert.equal(head.idx, communityEvents)
    assert.equal(head.signedIdx, communityEvents)
    const room = life.flatMap(({ event }) => (event.type === 'createRoom' ? [event.room] : []))[0] ?? ''
    await client.sendStateEvents(streamDid, [
      payloadOf('read', { type: 'markRead', room, idx: communityEvents }),
    ])
    const [overview] = await client.query(streamDid, community.query('overview', {}))
    assert.equal(JSON.parse(overview?.json ?? '').rooms[0].readIdx, communityEvents)
  })

  it('a batch under one name is appended once, and one that expects another head not at all', async t => {
    const client = createLeafClient(leaf().url, async () => unsafeToken)
    t.after(() => client.disconnect())
    const { head: before } = await info(stream)
    const again = { batchId: 'once' }
    await client.sendEvents(stream, [Buffer.from('once')], again)
    await client.sendEvents(stream, [Buffer.from('once')], again)
    await client.sendEvents(stream, [Buffer.from('next')], { expectedIdx: before + 1 })
    await assert.rejects(client.sendEvents(stream, [Buffer.from('late')], { expectedIdx: before + 1 }), {
      code: 'refused',
      message: `expected the head of the stream at ${before + 1}, it is at ${before + 2}`,
    })
    assert.equal((await info(stream)).head, before + 2)
  })

  it('the log is read over HTTP by its owner, and by everybody when its module says so', async () => {
    const path = (did: string) => `${leaf().url}/streams/${did}/events`
    assert.equal((await fetch(path(stream))).status, 401)
    const open = { ...plainModule, publicLog: true }
    const { moduleCid } = await eve.client.uploadModule(open)
    const { streamDid } = await eve.client.createStream(moduleCid)
    await eve.client.sendEvents(streamDid, [Buffer.from('one'), Buffer.from('two')])
    const answer = await fetch(`${path(streamDid)}?limit=1`)
    const { events } = (await answer.json()) as { events: readonly { idx: number; payload: string }[] }
    assert.deepEqual(
      events.map(({ idx, payload }) => [idx, Buffer.from(payload, 'base64').toString()]),
      [[1, 'one']],
    )
    assert.match(answer.headers.get('cache-control') ?? '', /^public, .*immutable/)
    assert.equal(answer.headers.get('stream-head'), '2')
    const waiting = fetch(`${path(streamDid)}?after=2&live=long-poll`)
    const stop = new AbortController()
    const live = await fetch(`${path(streamDid)}?after=1&live=sse`, { signal: stop.signal })
    assert.match(live.headers.get('content-type') ?? '', /^text\/event-stream/)
    await eve.client.sendEvent(streamDid, Buffer.from('three'))
    const polled = (await (await waiting).json()) as typeof answerShape
    assert.deepEqual(
      polled.events.map(({ idx }) => idx),
      [3],
    )
    let text = ''
    for await (const part of live.body ?? []) {
      text += Buffer.from(part).toString()
      if (text.includes('"idx":3')) break
    }
    stop.abort()
    assert.ok(text.indexOf('"idx":2') < text.indexOf('"idx":3'))
    const query = `${leaf().url}/streams/${streamDid}/queries/lines?limit=1`
    assert.deepEqual(await (await fetch(query)).json(), { rows: [{ idx: 1, user: eve.did, body: 'one' }] })
  })

  const answerShape = { events: [] as readonly { idx: number }[] }
  const info = async (did: string) => {
    const headers = { authorization: `Bearer ${unsafeToken}` }
    const answer = await fetch(`${leaf().url}/streams/${did}/events?after=0&limit=1`, { headers })
    if (answer.status === 200) return { head: Number(answer.headers.get('stream-head')) }
    const rows = await eve.client.query(did, { name: 'lines', params: {}, limit: 10_000 })
    return { head: rows.length }
  }
}
