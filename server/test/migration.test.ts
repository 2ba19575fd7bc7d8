/** An account moves from one host to another as `goat account migrate` does it: in from the reference, and out again. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AtpAgent } from '@atproto/api'
import { readCar, verifyRepoCar } from '@atproto/repo'
import { fromBytes } from '@atcute/cbor'
import { type ReferencePds, startReferencePds } from '../../tools/oracles/src/reference-pds.ts'
import { pixel } from './differential/tables-blobs.ts'
import { lastCode } from './differential/world.ts'
import { subscribe } from './support/firehose.ts'
import { get, post, sendOk } from './support/http.ts'
import { resolverFor, signingKeyOf } from './support/identity.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'
import { newestMail } from './support/mail.ts'

const password = 'the same at both hosts'

/** A host that people move between. Both use the same PLC directory. */
interface Host {
  readonly url: string
  readonly plcUrl: string
  mailToken(address: string): Promise<string>
}

describe('an account moves between hosts', () => {
  let reference: ReferencePds
  let leaf: Leaf
  let hosts: { readonly theirs: Host; readonly ours: Host }

  before(async () => {
    reference = await startReferencePds()
    leaf = await startLeaf({ env: { PLC_DIRECTORY_URL: reference.plcUrl, PDS_MIGRATION_IN: 'true' } })
    hosts = {
      theirs: {
        url: reference.url,
        plcUrl: reference.plcUrl,
        mailToken: async address =>
          lastCode(reference.mails.findLast(one => one.to.includes(address))?.text ?? ''),
      },
      ours: {
        url: leaf.url,
        plcUrl: reference.plcUrl,
        mailToken: async address => lastCode(await newestMail(leaf.url, address)),
      },
    }
  })
  after(async () => {
    await leaf?.dispose()
    await reference?.stop()
  })

  it('from the reference PDS to leaf, with all records and blobs', async () => {
    const { old, moved } = await move(hosts.theirs, hosts.ours, 'incomer')
    await expectMoved(hosts.ours, old, moved)
  })

  it('from leaf to the reference PDS, with all records and blobs', async () => {
    const { old, moved } = await move(hosts.ours, hosts.theirs, 'outgoer')
    await expectMoved(hosts.theirs, old, moved)
  })

  it('an account that moved in is announced with a commit of this host, so that relays take it at once', async () => {
    const live = await subscribe(hosts.ours.url)
    const { moved } = await move(hosts.theirs, hosts.ours, 'announced')
    const did = moved.session?.did ?? assert.fail('no session')
    const frames = await live.atLeast(4, frame => frame.body['did'] === did)
    assert.deepEqual(
      frames.map(frame => frame.t),
      ['#identity', '#account', '#identity', '#sync'],
    )
    const sync = frames[3]?.body ?? {}
    const { roots, blocks } = await readCar(fromBytes(sync['blocks'] as never))
    assert.deepEqual([roots.length, blocks.size], [1, 1])
    const { data: head } = await moved.com.atproto.sync.getLatestCommit({ did })
    assert.deepEqual([sync['rev'], roots[0]?.toString()], [head.rev, head.cid])
    await live.close()
  })
})

/** Creates an account at `from`, and moves it to `to`. */
async function move(from: Host, to: Host, name: string): Promise<{ old: AtpAgent; moved: AtpAgent }> {
  const old = new AtpAgent({ service: from.url })
  const email = `${name}@example.com`
  const handle = `${name}.test`
  await old.createAccount({ handle, email, password })
  const did = old.session?.did ?? assert.fail('no session')
  const { data: image } = await old.uploadBlob(pixel, { encoding: 'image/png' })
  await old.post({
    text: 'come along',
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: image.blob }] },
  })
  await old.upsertProfile(() => ({ displayName: name }))

  // By hand: an agent would follow the DID document, which names the old host still.
  const { did: audience } = await sendOk<{ did: string }>(to.url, get('com.atproto.server.describeServer'))
  const lxm = 'com.atproto.server.createAccount'
  const { data: auth } = await old.com.atproto.server.getServiceAuth({ aud: audience, lxm })
  await sendOk(to.url, post(lxm, { did, handle, email, password }, { token: auth.token }))
  const { accessJwt: token } = await sendOk<{ accessJwt: string }>(
    to.url,
    post('com.atproto.server.createSession', { identifier: did, password }),
  )
  const ask = <Body>(method: string) => sendOk<Body>(to.url, get(method, {}, { token }))
  const { data: car } = await old.com.atproto.sync.getRepo({ did })
  const type = { 'content-type': 'application/vnd.ipld.car' }
  await sendOk(to.url, post('com.atproto.repo.importRepo', car, { token, headers: type }))
  const { blobs } = await ask<{ blobs: { cid: string }[] }>('com.atproto.repo.listMissingBlobs')
  assert.equal(blobs.length, 1)
  for (const { cid } of blobs) {
    const { data: bytes } = await old.com.atproto.sync.getBlob({ did, cid })
    await sendOk(
      to.url,
      post('com.atproto.repo.uploadBlob', bytes, { token, headers: { 'content-type': '*/*' } }),
    )
  }
  const status = await ask<Record<string, unknown>>('com.atproto.server.checkAccountStatus')
  assert.deepEqual(
    [status['activated'], status['expectedBlobs'], status['importedBlobs'], status['indexedRecords']],
    [false, 1, 1, 2],
  )

  const credentials = await ask<object>('com.atproto.identity.getRecommendedDidCredentials')
  await old.com.atproto.identity.requestPlcOperationSignature()
  const { data: signed } = await old.com.atproto.identity.signPlcOperation({
    token: await from.mailToken(email),
    ...credentials,
  })
  await sendOk(to.url, post('com.atproto.identity.submitPlcOperation', signed, { token }))
  await sendOk(to.url, post('com.atproto.server.activateAccount', undefined, { token }))
  await old.com.atproto.server.deactivateAccount({})
  const moved = new AtpAgent({ service: to.url })
  await moved.login({ identifier: did, password })
  return { old, moved }
}

async function expectMoved(to: Host, old: AtpAgent, moved: AtpAgent): Promise<void> {
  const did = moved.session?.did ?? assert.fail('no session')
  const data = await resolverFor(to).did.resolveAtprotoData(did)
  assert.equal(data.pds, to.url)
  await moved.post({ text: 'arrived' })
  const { data: car } = await moved.com.atproto.sync.getRepo({ did })
  const repo = await verifyRepoCar(car, did, await signingKeyOf(to, did))
  assert.equal(repo.creates.length, 3)
  const { data: status } = await old.com.atproto.sync.getRepoStatus({ did })
  assert.deepEqual([status.active, status.status], [false, 'deactivated'])
  const { data: active } = await moved.com.atproto.sync.getRepoStatus({ did })
  assert.equal(active.active, true)
}
