/** Two nodes of one Leaf, on one PostgreSQL, one bucket and, where there is one, one Redis. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { commitOf, type Frame, seqOf, subscribe } from './support/firehose.ts'
import { type Account, createAccount, get, post, send, sendOk } from './support/http.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'
import { startPostgres } from './support/postgres.ts'
import { startRedis } from './support/redis.ts'
import { createReplay } from './support/replay.ts'
import { startS3, type TestS3 } from './support/s3.ts'
import { s3Env } from './support/s3-env.ts'

const postgres = await startPostgres()
after(() => postgres?.stop())
const redis = await startRedis()
after(() => redis?.stop())
const skip = postgres === undefined ? 'no PostgreSQL, neither from npm nor from the system' : false

describe('two nodes on one database', { skip }, () => {
  let one: Leaf
  let two: Leaf
  let s3: TestS3
  let account: Account

  const put = (node: Leaf, rkey: string, text: string) => {
    const body = { repo: account.did, collection: 'com.example.note', rkey, record: { text } }
    const call = post('com.atproto.repo.putRecord', body, { token: account.accessJwt })
    return sendOk<{ cid: string }>(node.url, call)
  }
  const isWrite = (cid: string) => (frame: Frame) =>
    frame.t === '#commit' && commitOf(frame).ops.some(op => op.cid === cid)

  before(async () => {
    s3 = await startS3()
    const shared = {
      DATABASE_URL: (await postgres?.url('nodes')) ?? '',
      ...(redis === undefined
        ? {}
        : { REDIS_URL: redis.url, PDS_RATE_LIMITS: 'reference', PDS_RATE_AUTH: '6/300' }),
      ...s3Env(s3),
    }
    one = await startLeaf({ env: shared })
    two = await startLeaf({ env: { ...shared, PUBLIC_URL: one.url } })
    account = await createAccount(one.url, 'twofold')
  })
  after(async () => {
    await Promise.all([one?.dispose(), two?.dispose()])
    await s3?.stop()
  })

  it('a session of one is good at the other', async () => {
    const token = account.accessJwt
    const session = await sendOk(two.url, get('com.atproto.server.getSession', {}, { token }))
    assert.equal(session['did'], account.did)
  })

  it('what is written at one is told at the other, under the same number', async () => {
    const [here, there] = await Promise.all([subscribe(one.url), subscribe(two.url)])
    for (const [node, text] of [
      [one, 'from one'],
      [two, 'from two'],
    ] as const) {
      const { cid } = await put(node, 'told', text)
      const [a, b] = await Promise.all([here.find(isWrite(cid)), there.find(isWrite(cid))])
      assert.equal(seqOf(a), seqOf(b))
    }
    await Promise.all([here.close(), there.close()])
  })

  it('both write to one repo at the same time, and no link of the chain is missing', async () => {
    const live = await Promise.all([subscribe(one.url), subscribe(two.url)])
    const writesEach = 25
    const write = async (node: Leaf, name: string) => {
      for (let n = 0; n < writesEach; n += 1) await put(node, `${name}-${n % 7}`, `${name} ${n}`)
    }
    await Promise.all([write(one, 'a'), write(one, 'b'), write(two, 'c'), write(two, 'd')])
    const { cid } = await put(two, 'last', 'the last')
    await Promise.all(live.map(subscriber => subscriber.find(isWrite(cid))))
    const [here, there] = live.map(subscriber => subscriber.frames.map(seqOf))
    assert.deepEqual(here, there)
    assert.equal(here?.length, 4 * writesEach + 1)
    const replay = createReplay()
    const whole = await subscribe(one.url, { cursor: 0 })
    await whole.find(isWrite(cid))
    await replay.take(whole.frames)
    assert.equal(replay.recordsOf(account.did).get('com.example.note/last'), cid)
    await Promise.all([...live, whole].map(subscriber => subscriber.close()))
  })

  it('a blob that one took is given out by the other', async () => {
    const { accessJwt: token, did } = account
    const headers = { 'content-type': 'text/plain' }
    const { blob } = await sendOk<{ blob: { ref: { $link: string } } }>(
      one.url,
      post('com.atproto.repo.uploadBlob', Buffer.from('for both'), { token, headers }),
    )
    const record = { text: 'with a file', file: blob }
    const body = { repo: did, collection: 'com.example.note', rkey: 'file', record }
    await sendOk(two.url, post('com.atproto.repo.putRecord', body, { token }))
    for (const node of [one, two]) {
      const answer = await send(node.url, get('com.atproto.sync.getBlob', { did, cid: blob.ref.$link }))
      assert.equal(Buffer.from(answer.bytes).toString(), 'for both')
    }
  })

  it('signing out at one ends the session at the other at once', async () => {
    const { identifier, password } = { identifier: account.handle, password: account.password }
    const session = await sendOk<{ accessJwt: string; refreshJwt: string }>(
      one.url,
      post('com.atproto.server.createSession', { identifier, password }),
    )
    const ask = () => send(two.url, get('com.atproto.server.getSession', {}, { token: session.accessJwt }))
    assert.equal((await ask()).status, 200)
    await sendOk(one.url, post('com.atproto.server.deleteSession', undefined, { token: session.refreshJwt }))
    assert.equal((await ask()).status, 400)
  })

  const noRedis = redis === undefined ? 'no redis-server on this machine' : false
  it('attempts to sign in are counted together', { skip: noRedis }, async () => {
    const statuses: number[] = []
    for (let n = 0; n < 8; n += 1) {
      const wrong = { identifier: 'nobody.test', password: `guess ${n}` }
      const answer = await send(
        n % 2 === 0 ? one.url : two.url,
        post('com.atproto.server.createSession', wrong),
      )
      statuses.push(answer.status)
      if (answer.status === 429) assert.ok(Number(answer.headers.get('retry-after')) > 0)
    }
    assert.deepEqual([statuses[0], statuses.at(-2), statuses.at(-1)], [401, 429, 429])
  })

  it('one node dies, and the other goes on', async () => {
    const live = await subscribe(two.url)
    await one.kill()
    const { cid } = await put(two, 'alone', 'still here')
    await live.find(isWrite(cid))
    await live.close()
    await one.start()
    const back = await subscribe(one.url, { cursor: 0 })
    await back.find(isWrite(cid))
    await back.close()
  })
})
