/** The event stream as a relay sees it: order, completeness, replay. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { type Account, createAccount, post, send, sendOk } from '../support/http.ts'
import { commitOf, dataOf, type Frame, seqOf, subscribe } from '../support/firehose.ts'
import type { Server } from './clients.ts'

const note = 'com.example.note'

/** A frame about this account. */
const about = (account: Account) => (frame: Frame) =>
  frame.body['repo'] === account.did || frame.body['did'] === account.did

export function firehoseScenarios(server: () => Server): void {
  const put = (account: Account, rkey: string, text: string) =>
    sendOk<{ cid: string }>(
      server().url,
      post(
        'com.atproto.repo.putRecord',
        { repo: account.did, collection: note, rkey, record: { text } },
        { token: account.accessJwt },
      ),
    )
  const call = (account: Account, method: string, body?: unknown) =>
    sendOk(server().url, post(method, body, { token: account.accessJwt }))
  let grace: Account

  before(async () => {
    grace = await createAccount(server().url, 'grace')
  })

  it('an account that is created is announced as identity, account, commit and sync, in this order', async () => {
    const live = await subscribe(server().url)
    const made = await createAccount(server().url, 'newcomer')
    const frames = await live.atLeast(4, about(made))
    assert.deepEqual(
      frames.map(frame => frame.t),
      ['#identity', '#account', '#commit', '#sync'],
    )
    const [identity, account, commit, sync] = frames.map(frame => frame.body)
    assert.equal(identity?.['handle'], 'newcomer.test')
    assert.equal(account?.['active'], true)
    assert.equal(commit?.['since'], null)
    assert.ok(!('prevData' in (commit ?? {})), 'the first commit has no prevData')
    assert.deepEqual(commit?.['ops'], [])
    assert.equal(sync?.['rev'], commit?.['rev'])
    await live.close()
  })

  it('a commit frame carries every member that the lexicon requires, and each op what was there before', async () => {
    const live = await subscribe(server().url)
    const first = await put(grace, 'members', 'one')
    const second = await put(grace, 'members', 'two')
    await call(grace, 'com.atproto.repo.deleteRecord', { repo: grace.did, collection: note, rkey: 'members' })
    const frames = await live.atLeast(3, about(grace))
    const names = [
      'blobs',
      'blocks',
      'commit',
      'ops',
      'prevData',
      'rebase',
      'repo',
      'rev',
      'seq',
      'since',
      'time',
      'tooBig',
    ]
    for (const frame of frames) assert.deepEqual(Object.keys(frame.body).toSorted(), names)
    assert.deepEqual(
      frames.map(frame => commitOf(frame).ops),
      [
        [{ action: 'create', path: `${note}/members`, cid: first.cid, prev: undefined }],
        [{ action: 'update', path: `${note}/members`, cid: second.cid, prev: first.cid }],
        [{ action: 'delete', path: `${note}/members`, cid: null, prev: second.cid }],
      ],
    )
    await live.close()
  })

  it('the commits of a repo form an unbroken chain of since and prevData', async () => {
    const account = await createAccount(server().url, 'chain')
    for (let n = 0; n < 12; n += 1) await put(account, `r${n % 5}`, `text ${n}`)
    const replay = await subscribe(server().url, { cursor: 0 })
    const frames = await replay.atLeast(13, frame => frame.t === '#commit' && about(account)(frame))
    let rev: string | null = null
    let data: string | undefined
    for (const frame of frames) {
      const commit = commitOf(frame)
      assert.deepEqual([commit.since, commit.prevData], [rev, data])
      assert.ok(commit.rev > (rev ?? ''))
      rev = commit.rev
      data = await dataOf(commit)
    }
    await replay.close()
  })

  it('a replay that begins while writes go on has neither gap nor repeat', async () => {
    const everything = await subscribe(server().url, { cursor: 0 })
    const writers = await Promise.all(
      ['writer1', 'writer2', 'writer3'].map(name => createAccount(server().url, name)),
    )
    const writesEach = 40
    const writing = writers.map(async account => {
      for (let n = 0; n < writesEach; n += 1) await put(account, `k${n}`, `text ${n}`)
    })
    const middle = seqOf(await everything.find(frame => frame.t === '#commit' && about(writers[0]!)(frame)))
    const late = await Promise.all([0, 0, middle, middle].map(cursor => subscribe(server().url, { cursor })))
    await Promise.all(writing)
    const last = await put(grace, 'last', `the end ${middle}`)
    const isLast = (frame: Frame) => frame.t === '#commit' && commitOf(frame).ops[0]?.cid === last.cid
    const end = seqOf(await everything.find(isLast))
    const expected = everything.frames.map(seqOf).filter(seq => seq <= end)
    assert.equal(new Set(expected).size, expected.length)
    assert.deepEqual(
      expected,
      expected.toSorted((a, b) => a - b),
    )
    for (const [n, subscriber] of late.entries()) {
      await subscriber.find(isLast)
      const from = n < 2 ? 0 : middle
      assert.deepEqual(
        subscriber.frames.map(seqOf).filter(seq => seq <= end),
        expected.filter(seq => seq > from),
      )
      await subscriber.close()
    }
    await everything.close()
  })

  it('without a cursor only what happens from now on is sent', async () => {
    await put(grace, 'before', `text ${Math.random()}`)
    const live = await subscribe(server().url)
    const { cid } = await put(grace, 'after', `text ${Math.random()}`)
    const [first] = await live.atLeast(1)
    assert.equal(commitOf(first!).ops[0]?.cid, cid)
    await live.close()
  })

  it('two subscribers get the very same bytes', async () => {
    const [one, two] = await Promise.all([subscribe(server().url), subscribe(server().url)])
    await put(grace, 'same', `text ${Math.random()}`)
    const [a] = await one.atLeast(1)
    const [b] = await two.atLeast(1)
    assert.deepEqual([a?.t, a?.bytes, a?.body], [b?.t, b?.bytes, b?.body])
    await Promise.all([one.close(), two.close()])
  })

  it('a refused write and an identical put are not announced', async () => {
    await put(grace, 'quiet', 'the same')
    const live = await subscribe(server().url)
    await put(grace, 'quiet', 'the same')
    const refused = await send(
      server().url,
      post(
        'com.atproto.repo.putRecord',
        { repo: grace.did, collection: note, rkey: 'quiet', record: { text: 'x' }, swapRecord: null },
        { token: grace.accessJwt },
      ),
    )
    assert.equal(refused.status, 400)
    const { cid } = await put(grace, 'loud', `text ${Math.random()}`)
    const [first] = await live.atLeast(1)
    assert.equal(commitOf(first!).ops[0]?.cid, cid)
    await live.close()
  })

  it('a cursor of the future is answered with FutureCursor, and the connection is closed', async () => {
    const subscriber = await subscribe(server().url, { cursor: 2 ** 50 })
    const { code } = await subscriber.closed
    assert.equal(code, 1008)
    assert.deepEqual(
      subscriber.frames.map(frame => [frame.op, frame.t, frame.body['error']]),
      [[-1, undefined, 'FutureCursor']],
    )
  })

  it('a cursor that is no number is refused', async () => {
    const subscriber = await subscribe(server().url, { cursor: 'yesterday' })
    const { code } = await subscriber.closed
    assert.equal(code, 1008)
    assert.deepEqual(
      subscriber.frames.map(frame => [frame.op, frame.body['error']]),
      [[-1, 'InvalidRequest']],
    )
  })

  it('a new handle is announced as identity', async () => {
    const account = await createAccount(server().url, 'renamed')
    const live = await subscribe(server().url)
    await call(account, 'com.atproto.identity.updateHandle', { handle: 'renamed-again.test' })
    const frame = await live.find(one => about(account)(one) && one.body['handle'] === 'renamed-again.test')
    assert.equal(frame.t, '#identity')
    await live.close()
  })

  it('deactivation is announced as account; activation as account, identity and sync', async () => {
    const account = await createAccount(server().url, 'sleeper')
    const live = await subscribe(server().url)
    await call(account, 'com.atproto.server.deactivateAccount', {})
    await call(account, 'com.atproto.server.activateAccount')
    const frames = await live.atLeast(4, about(account))
    assert.deepEqual(
      frames.map(frame => [frame.t, frame.body['active'], frame.body['status']]),
      [
        ['#account', false, 'deactivated'],
        ['#account', true, undefined],
        ['#identity', undefined, undefined],
        ['#sync', undefined, undefined],
      ],
    )
    await live.close()
  })
}
