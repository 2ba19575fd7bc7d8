/** What people's programs do with a PDS, done by those programs: `@atproto/api`, `repo`, `sync`, `identity`. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { AtpAgent, type AtpSessionData } from '@atproto/api'
import { readCar, verifyProofs, verifyRecords, verifyRepoCar } from '@atproto/repo'
import { type Event, Firehose } from '@atproto/sync'
import { pixel } from '../differential/tables-blobs.ts'
import { resolverFor, signingKeyOf } from '../support/identity.ts'

export interface Server {
  readonly url: string
  readonly plcUrl: string
}

const note = 'com.example.note'

const didOf = (agent: AtpAgent) => agent.session?.did ?? assert.fail('no session')

/** The scenarios of one server; each uses an account of its own unless it reads only. */
export function clientScenarios(server: () => Server): void {
  let session: AtpSessionData

  const agentOf = () => new AtpAgent({ service: server().url })
  const signUp = async (name: string) => {
    const agent = agentOf()
    await agent.createAccount({
      handle: `${name}.test`,
      email: `${name}@example.com`,
      password: 'open sesame',
    })
    return agent
  }

  before(async () => {
    session = (await signUp('ada')).session ?? assert.fail('no session')
  })

  it('@atproto/api signs in by handle, DID and e-mail', async () => {
    for (const identifier of ['ada.test', session.did, 'ada@example.com']) {
      const agent = agentOf()
      await agent.login({ identifier, password: 'open sesame' })
      assert.equal(agent.session?.did, session.did)
    }
  })

  it('@atproto/api refuses a wrong password', async () => {
    await assert.rejects(agentOf().login({ identifier: 'ada.test', password: 'wrong' }), { status: 401 })
  })

  it('@atproto/api resumes a session and refreshes it', async () => {
    const agent = agentOf()
    await agent.login({ identifier: 'ada.test', password: 'open sesame' })
    const old = agent.session ?? assert.fail('no session')
    const other = agentOf()
    await other.resumeSession(old)
    await other.sessionManager.refreshSession()
    assert.notEqual(other.session?.refreshJwt, old.refreshJwt)
    const { data } = await other.com.atproto.server.getSession()
    assert.equal(data.handle, 'ada.test')
  })

  it('@atproto/api makes an app password, signs in with it, and revokes it', async () => {
    const agent = agentOf()
    await agent.login({ identifier: 'ada.test', password: 'open sesame' })
    const { data } = await agent.com.atproto.server.createAppPassword({ name: 'reader' })
    const reader = agentOf()
    await reader.login({ identifier: 'ada.test', password: data.password })
    assert.equal(reader.session?.did, session.did)
    const listed = await agent.com.atproto.server.listAppPasswords()
    assert.deepEqual(
      listed.data.passwords.map(one => one.name),
      ['reader'],
    )
    await agent.com.atproto.server.revokeAppPassword({ name: 'reader' })
    await assert.rejects(agentOf().login({ identifier: 'ada.test', password: data.password }), {
      status: 401,
    })
  })

  it('@atproto/api posts with an image, and the image comes back as it was', async () => {
    const agent = await signUp('painter')
    const { data: uploaded } = await agent.uploadBlob(pixel, { encoding: 'image/png' })
    const { uri } = await agent.post({
      text: 'a pixel',
      embed: { $type: 'app.bsky.embed.images', images: [{ alt: 'one pixel', image: uploaded.blob }] },
    })
    const post = await agent.com.atproto.repo.getRecord({
      repo: didOf(agent),
      collection: 'app.bsky.feed.post',
      rkey: uri.split('/').at(-1) ?? '',
    })
    assert.equal(post.data.uri, uri)
    const blob = await agent.com.atproto.sync.getBlob({
      did: didOf(agent),
      cid: uploaded.blob.ref.toString(),
    })
    assert.deepEqual(Buffer.from(blob.data), pixel)
    const { data: blobs } = await agent.com.atproto.sync.listBlobs({ did: didOf(agent) })
    assert.deepEqual(blobs.cids, [uploaded.blob.ref.toString()])
  })

  it('@atproto/api likes, follows and edits a profile', async () => {
    const agent = await signUp('sociable')
    const { uri, cid } = await agent.post({ text: 'like this' })
    await agent.like(uri, cid)
    const follow = await agent.follow(session.did)
    await agent.deleteFollow(follow.uri)
    await agent.upsertProfile(profile => ({ ...profile, displayName: 'Sociable' }))
    const { data } = await agent.com.atproto.repo.describeRepo({ repo: didOf(agent) })
    assert.deepEqual(data.collections.toSorted(), [
      'app.bsky.actor.profile',
      'app.bsky.feed.like',
      'app.bsky.feed.post',
    ])
    assert.equal(data.handleIsCorrect, true)
  })

  it('@atproto/api lists a collection page by page, either way round', async () => {
    const agent = await signUp('lister')
    const repo = didOf(agent)
    const rkeys = Array.from({ length: 25 }, (_, n) => `n${String(n).padStart(2, '0')}`)
    await agent.com.atproto.repo.applyWrites({
      repo,
      writes: rkeys.map(rkey => ({
        $type: 'com.atproto.repo.applyWrites#create' as const,
        collection: note,
        rkey,
        value: { text: rkey },
      })),
    })
    for (const reverse of [false, true]) {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const { data } = await agent.com.atproto.repo.listRecords({
          repo,
          collection: note,
          limit: 10,
          reverse,
          ...(cursor === undefined ? {} : { cursor }),
        })
        seen.push(...data.records.map(record => record.uri.split('/').at(-1) ?? ''))
        cursor = data.cursor
      } while (cursor !== undefined)
      assert.deepEqual(seen, reverse ? rkeys : rkeys.toReversed())
    }
  })

  it('@atproto/api puts and deletes a record', async () => {
    const agent = await signUp('keeper')
    const where = { repo: didOf(agent), collection: note, rkey: 'one' }
    await agent.com.atproto.repo.putRecord({ ...where, record: { text: 'first' } })
    const { data: second } = await agent.com.atproto.repo.putRecord({ ...where, record: { text: 'second' } })
    const { data: read } = await agent.com.atproto.repo.getRecord(where)
    assert.deepEqual([read.cid, read.value['text']], [second.cid, 'second'])
    await agent.com.atproto.repo.deleteRecord(where)
    await assert.rejects(agent.com.atproto.repo.getRecord(where), { error: 'RecordNotFound' })
  })

  it('@atproto/repo verifies the CAR of getRepo, and finds every record in it', async () => {
    const agent = await signUp('exporter')
    const did = didOf(agent)
    const { uri } = await agent.post({ text: 'take me with you' })
    await agent.upsertProfile(() => ({ displayName: 'Exporter' }))
    const { data: car } = await agent.com.atproto.sync.getRepo({ did })
    const repo = await verifyRepoCar(car, did, await signingKeyOf(server(), did))
    assert.deepEqual(
      repo.creates.map(one => `${one.collection}/${one.rkey}`).toSorted(),
      ['app.bsky.actor.profile/self', uri.split('/').slice(-2).join('/')].toSorted(),
    )
    const { data: head } = await agent.com.atproto.sync.getLatestCommit({ did })
    assert.equal(repo.commit.cid.toString(), head.cid)
    assert.equal(repo.commit.rev, head.rev)
  })

  it('@atproto/repo verifies the proof that a record is there, and that another is not', async () => {
    const agent = await signUp('prover')
    const did = didOf(agent)
    const key = await signingKeyOf(server(), did)
    await agent.com.atproto.repo.putRecord({
      repo: did,
      collection: note,
      rkey: 'here',
      record: { text: 'x' },
    })
    const here = await agent.com.atproto.sync.getRecord({ did, collection: note, rkey: 'here' })
    const records = await verifyRecords(here.data, did, key)
    assert.deepEqual(
      records.map(one => one.rkey),
      ['here'],
    )
    const gone = await agent.com.atproto.sync.getRecord({ did, collection: note, rkey: 'gone' })
    const claims = [{ collection: note, rkey: 'gone', cid: null }]
    const { verified, unverified } = await verifyProofs(gone.data, claims, did, key)
    assert.deepEqual([verified.length, unverified.length], [1, 0])
  })

  it('getBlocks gives the blocks that were asked for', async () => {
    const agent = await signUp('blocker')
    const did = didOf(agent)
    const { data: head } = await agent.com.atproto.sync.getLatestCommit({ did })
    const { data } = await agent.com.atproto.sync.getBlocks({ did, cids: [head.cid] })
    const { roots, blocks } = await readCar(data)
    assert.deepEqual([roots.length, blocks.size], [0, 1])
  })

  it('@atproto/identity resolves the DID and the handle of an account', async () => {
    const resolver = resolverFor(server())
    const data = await resolver.did.resolveAtprotoData(session.did)
    assert.equal(data.handle, 'ada.test')
    assert.equal(data.pds, server().url)
    assert.equal(await resolver.handle.resolve('ada.test'), session.did)
    assert.equal(await resolver.handle.resolve('nobody.test'), undefined)
  })

  it('@atproto/sync verifies every commit of the firehose', async () => {
    const events: Event[] = []
    const errors: Error[] = []
    let wake = () => {}
    const agent = await signUp('watched')
    const did = didOf(agent)
    const firehose = new Firehose({
      service: server().url.replace(/^http/, 'ws'),
      idResolver: resolverFor(server()),
      getCursor: () => 0,
      handleEvent: event => {
        if (event.did === did) events.push(event)
        wake()
      },
      onError: error => void errors.push(error),
    })
    void firehose.start()
    after(() => firehose.destroy())
    const where = { repo: did, collection: note, rkey: 'seen' }
    await agent.com.atproto.repo.putRecord({ ...where, record: { text: 'one' } })
    await agent.com.atproto.repo.putRecord({ ...where, record: { text: 'two' } })
    await agent.com.atproto.repo.deleteRecord(where)
    const { data: last } = await agent.com.atproto.repo.putRecord({ ...where, record: { text: 'three' } })
    const arrived = () => events.some(one => 'cid' in one && one.cid?.toString() === last.cid)
    const deadline = AbortSignal.timeout(15_000)
    while (!arrived() && !deadline.aborted) {
      await new Promise<void>(resolve => {
        wake = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    assert.deepEqual(errors.map(String), [])
    assert.deepEqual(
      events.filter(one => 'rkey' in one).map(one => one.event),
      ['create', 'update', 'delete', 'create'],
    )
    assert.ok(events.some(one => one.event === 'identity' && one.handle === 'watched.test'))
    assert.ok(events.some(one => one.event === 'account' && one.active))
  })
}
