import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkVia } from '../api/link.ts'
import { device } from '../api/test-leaf.ts'
import { toHex } from '../api/text.ts'
import { toEntityPath } from '../leaf/entity-path.ts'
import { AtprotoIdentity, Name } from '../leaf/well-known.ts'
import { namespace, ed25519, personOf } from '../store/test-entries.ts'
import { ed25519OfMultikey, multikeyOf } from './multikey.ts'
import {
  atprotoResolver,
  didKeyResolver,
  didResolver,
  type ResolverOptions,
  resolverObjects,
} from './resolvers.ts'
import { signSpaceRecord, writeSpaceRecord } from './space-record.ts'

const did = 'did:plc:abcdefghijklmnopqrstuvwx'
const alice = await personOf('alice')
const hex = toHex(namespace)

/** A web of a few pages; what is not there is 404. */
function webOf(pages: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  let now = 1_000_000
  const names: { did?: string } = {}
  const options: ResolverOptions = {
    ed25519,
    now: () => now,
    plcUrl: 'https://plc.test',
    didOf: async () => names.did,
    fetch: async url => {
      asked.push(url)
      const page = pages[url]
      if (page instanceof Error) throw page
      if (page === undefined) return new Response('', { status: 404 })
      return new Response(typeof page === 'string' ? page : JSON.stringify(page))
    },
  }
  return {
    options,
    asked,
    names,
    pass: (ms: number) => {
      now += ms
    },
  }
}

const documentOf = (extra: object = {}) => ({
  id: did,
  alsoKnownAs: ['at://alice.example'],
  verificationMethod: [
    { id: `${did}#leaf`, type: 'Multikey', controller: did, publicKeyMultibase: multikeyOf(alice.publicKey) },
  ],
  service: [
    { id: '#leaf_space', type: 'LeafSpace', serviceEndpoint: `willow://+${hex}.${toHex(alice.publicKey)}` },
    { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.test' },
  ],
  ...extra,
})
const recordUrl = `https://pds.test/xrpc/com.atproto.repo.getRecord?repo=${encodeURIComponent(did)}&collection=town.muni.leaf.space&rkey=self`
const recordOf = async (of = did) =>
  writeSpaceRecord(await signSpaceRecord(ed25519, alice, { did: of, namespace, encryptionKey: undefined }))

test('the ids of our resolvers never change', () => {
  assert.deepEqual(
    Object.values(resolverObjects).map(({ name, id }) => [name, toHex(id)]),
    [
      ['did:key', 'f3be7a498d369b1c769d5b76a182e97f2996323664550fcbbfd8514ff4e2e103'],
      ['did', '66306c05c5c5a4fe4a90ce1faccc9d2d832f5c5f69ba257b02b7d1960d74636e'],
      ['atproto', '340723238b197e658373bb7ccb3cae4c91d1ac75e6405e271d1c33fb8044d2a8'],
    ],
  )
})

test('did:key is the key itself, of Ed25519 only', async () => {
  // https://w3c-ccg.github.io/did-key-spec, its examples of Ed25519, P-256 and secp256k1.
  const known = 'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'
  const found = await didKeyResolver().resolve(`did:key:${known}`, 'subspace')
  assert.equal(
    toHex(found?.key ?? new Uint8Array()),
    '2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6',
  )
  assert.equal(multikeyOf(found?.key ?? new Uint8Array()), known)
  for (const odd of [
    'did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
    `did:key:${known}1`,
    'did:key:z',
    known,
  ])
    assert.equal(await didKeyResolver().resolve(odd, 'subspace'), undefined)
  assert.equal(ed25519OfMultikey(`z${'1'.repeat(100)}`), undefined)
})

test('a DID\u2019s document names a key, which counts only when the subspace names the DID', async () => {
  const { options, names, asked, pass } = webOf({ [`https://plc.test/${did}`]: documentOf() })
  const resolver = didResolver(options)
  const alone = await resolver.resolve(did, 'subspace')
  assert.deepEqual([alone?.key, alone?.otherKey, alone?.verified], [alice.publicKey, namespace, false])
  names.did = did
  const both = await resolver.resolve(did, 'namespace')
  assert.deepEqual([both?.key, both?.verified], [namespace, true])
  names.did = 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz'
  assert.equal((await resolver.resolve(did, 'subspace'))?.verified, false)
  assert.equal(asked.length, 1)
  pass(3_600_001)
  await resolver.resolve(did, 'subspace')
  assert.equal(asked.length, 2)
})

test('a document of another DID, without a key, or with one of another curve names nothing', async () => {
  for (const odd of [
    documentOf({ id: 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz' }),
    documentOf({ verificationMethod: [] }),
    documentOf({ verificationMethod: 'x' }),
    documentOf({ service: [] }),
    documentOf({
      verificationMethod: [
        { id: '#leaf', publicKeyMultibase: 'zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv' },
      ],
    }),
    'no JSON',
    [],
  ]) {
    const { options } = webOf({ [`https://plc.test/${did}`]: odd })
    assert.equal(await didResolver(options).resolve(did, 'subspace'), undefined)
  }
})

test('a record in the repository resolves a DID and a handle, when its proof holds', async () => {
  const { options, names } = webOf({
    [`https://plc.test/${did}`]: documentOf(),
    'https://alice.example/.well-known/atproto-did': `${did}\n`,
    [recordUrl]: { uri: 'at://x', value: await recordOf() },
  })
  const resolver = atprotoResolver(options)
  for (const name of [did, 'alice.example', 'Alice.Example']) {
    const found = await resolver.resolve(name, 'subspace')
    assert.deepEqual([found?.key, found?.otherKey, found?.verified], [alice.publicKey, namespace, true])
  }
  names.did = 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz'
  assert.equal((await resolver.resolve(did, 'subspace'))?.verified, false)
})

test('a record that was signed for another DID resolves nothing', async () => {
  const { options } = webOf({
    [`https://plc.test/${did}`]: documentOf(),
    [recordUrl]: { value: await recordOf('did:plc:zzzzzzzzzzzzzzzzzzzzzzzz') },
  })
  assert.equal(await atprotoResolver(options).resolve(did, 'subspace'), undefined)
})

test('a handle that its DID does not name resolves nothing', async () => {
  const { options } = webOf({
    [`https://plc.test/${did}`]: documentOf(),
    'https://mallory.example/.well-known/atproto-did': did,
    [recordUrl]: { value: await recordOf() },
  })
  assert.equal(await atprotoResolver(options).resolve('mallory.example', 'subspace'), undefined)
})

test('what is not there is asked for again after a minute, and what failed at once', async () => {
  const pages: Record<string, unknown> = {}
  const { options, asked, pass } = webOf(pages)
  const resolver = didResolver(options)
  const url = `https://plc.test/${did}`
  assert.equal(await resolver.resolve(did, 'subspace'), undefined)
  assert.equal(await resolver.resolve(did, 'subspace'), undefined)
  assert.equal(asked.length, 1)
  pass(60_001)
  pages[url] = new Error('no network')
  await assert.rejects(resolver.resolve(did, 'subspace'), /no network/)
  pages[url] = 'x'.repeat(300 * 1024)
  await assert.rejects(resolver.resolve(did, 'subspace'), /expected at most/)
  pages[url] = documentOf()
  assert.deepEqual((await resolver.resolve(did, 'subspace'))?.key, alice.publicKey)
})

test('did:web is a whole host by https, and nothing else', async () => {
  const { options, asked } = webOf({})
  const resolver = didResolver(options)
  for (const odd of [
    'did:web:a',
    'did:web:a.example:path',
    'did:web:a.example%3A80',
    'did:web:127.0.0.1',
    'did:x:y',
    'x',
  ])
    assert.equal(await resolver.resolve(odd, 'subspace'), undefined)
  assert.deepEqual(asked, [])
  await resolver.resolve('did:web:a.example', 'subspace')
  assert.deepEqual(asked, ['https://a.example/.well-known/did.json'])
})

test('a link by DID leads where both sides say, and else to its snapshot', async t => {
  const { options } = webOf({ [`https://plc.test/${did}`]: documentOf() })
  const { leaf, space, me } = await device(t, { seed: alice.secretKey })
  leaf.registerResolver(didResolver({ ...options, didOf: leaf.didOf }))
  await space.at('post').edit(draft => draft.set(Name, 'hello'))
  const snapshot = (await space.at('post').view())?.snapshotId ?? new Uint8Array()
  const path = toEntityPath(['post'])
  const link = linkVia(resolverObjects.did, did, { namespace, path, snapshot })
  const before = await leaf.resolve(link)
  assert.deepEqual([before.from, before.place, before.problem?.code], ['snapshot', undefined, 'Unresolved'])
  await space.at().edit(draft => draft.set(AtprotoIdentity, { did, handle: undefined }))
  const after = await leaf.resolve(link)
  assert.deepEqual([after.from, after.place?.subspace], ['path', me.publicKey])
  assert.equal(after.view?.get(Name), 'hello')
  const stranger = linkVia({ id: new Uint8Array(32) }, did, { namespace, path })
  assert.equal((await leaf.resolve(stranger)).problem?.code, 'Unresolved')
})
