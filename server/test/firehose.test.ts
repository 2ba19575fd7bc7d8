import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lastCode } from './differential/world.ts'
import { firehoseScenarios } from './scenarios/firehose.ts'
import { onEveryEngine } from './support/engines.ts'
import { commitOf, seqOf, subscribe } from './support/firehose.ts'
import { createAccount, post, sendOk } from './support/http.ts'
import { newestMail } from './support/mail.ts'

onEveryEngine('the firehose tells everything once and in order', leaf => {
  firehoseScenarios(leaf)

  it('a deletion is the last that is told of an account', async () => {
    const account = await createAccount(leaf().url, 'short-lived')
    const token = account.accessJwt
    const live = await subscribe(leaf().url)
    await sendOk(leaf().url, post('com.atproto.server.requestAccountDelete', undefined, { token }))
    const { did, password, email } = account
    const code = lastCode(await newestMail(leaf().url, email))
    await sendOk(leaf().url, post('com.atproto.server.deleteAccount', { did, password, token: code }))
    const last = await live.find(frame => frame.body['did'] === did && frame.t === '#account')
    assert.deepEqual([last.body['active'], last.body['status']], [false, 'deleted'])
    await live.close()
    const replay = await subscribe(leaf().url, { cursor: seqOf(last) - 1 })
    const [again] = await replay.atLeast(1)
    assert.deepEqual(again?.body, last.body)
    await replay.close()
  })

  it('a reader that takes nothing for a while holds up nobody, and misses nothing', async () => {
    const account = await createAccount(leaf().url, 'writer-of-much')
    const slow = await subscribe(leaf().url)
    const quick = await subscribe(leaf().url)
    slow.pause()
    const commits = 24
    // Together more than the buffers of a socket hold.
    for (let n = 0; n < commits; n += 1) {
      const record = { text: 'x'.repeat(900_000) }
      const body = { repo: account.did, collection: 'com.example.much', rkey: `r${n}`, record }
      await sendOk(leaf().url, post('com.atproto.repo.putRecord', body, { token: account.accessJwt }))
    }
    const taken = await quick.atLeast(commits)
    assert.ok(slow.frames.length < commits, 'the slow reader was not slow')
    slow.resume()
    assert.deepEqual((await slow.atLeast(commits)).map(seqOf), taken.map(seqOf))
    await Promise.all([slow.close(), quick.close()])
  })
})

onEveryEngine(
  'a firehose that remembers nothing',
  leaf => {
    it('a cursor before the window is answered with OutdatedCursor, and goes on live', async () => {
      const account = await createAccount(leaf().url, 'forgotten')
      const subscriber = await subscribe(leaf().url, { cursor: 0 })
      const [info] = await subscriber.atLeast(1)
      assert.deepEqual([info?.op, info?.t, info?.body['name']], [1, '#info', 'OutdatedCursor'])
      const body = { repo: account.did, collection: 'com.example.note', rkey: 'now', record: { text: 'now' } }
      const { cid } = await sendOk<{ cid: string }>(
        leaf().url,
        post('com.atproto.repo.putRecord', body, { token: account.accessJwt }),
      )
      await subscriber.find(frame => frame.t === '#commit' && commitOf(frame).ops[0]?.cid === cid)
      await subscriber.close()
    })

    it('subscribers from one address are bounded', async () => {
      const open = await Promise.all([subscribe(leaf().url), subscribe(leaf().url)])
      await assert.rejects(subscribe(leaf().url), /Unexpected server response: (429|503)/)
      await Promise.all(open.map(one => one.close()))
      const next = await subscribe(leaf().url)
      await next.close()
    })
  },
  { env: { PDS_REPO_BACKFILL_LIMIT_MS: '1', PDS_FIREHOSE_SOCKETS_PER_ADDRESS_MAX: '2' } },
)
