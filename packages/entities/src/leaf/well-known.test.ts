import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../api/text.ts'
import { hpkeX25519 } from '../encryption/hpke.ts'
import { aes256Gcm, xchacha20Poly1305 } from '../encryption/secret.ts'
import { idOf } from './objects.ts'
import { wellKnown } from './well-known.ts'

const idsOf = (all: readonly { readonly name: string; readonly id: Uint8Array }[]) =>
  Object.fromEntries(all.map(({ name, id }) => [name, toHex(id)]))

test('golden: the ids of kinds that all applications share never change', () => {
  assert.deepEqual(idsOf(wellKnown), {
    'UTF-8': '52b1f7ac3060aba850a652ba230a36201302b739d3387053ae451616eac2705b',
    Name: '119859f5e9e67ca9e9f80fe3fed134b8109c5a531e2a1ae7c5d8f2a1a0aa2057',
    Description: 'e5668d2ba61caa941728150b7906161ae2d81c988139f46e2fb47668a1ec3845',
    CommonMark: '130d62da5fa617ac310e796e86b36b585e26ee32b41f7ebd55f7e0d732e20d25',
    CreatedAt: '2de30457bba45081bc8401f963ed489ecbfea3b1d452a9e7b600592dd40e8405',
    UpdatedAt: 'f0385d07e36cdf7637921ed135084e115f2c6426a3167473302eaf44daffed35',
    ReplyTo: '7075809b60441289f5291b535fa3ab61f2a3cb9d4c97e65f9cc46c1cd403bdde',
    Embed: 'b18cba436a52caaa3726aa6346d582c9862daccc1bf32e7199cfc70743870d60',
    Tags: 'f82e84dbd5a91beaa0287568f66dd12410716878471be3adb18f1ae1e541d28e',
    WebLinks: 'a6fdbf9b57bd5683e6a244a17cf0b5d11858a463e9591be41943359914e7ef57',
    Image: '6a5b3a61388286888dd22e562b538cf0e5a35994903fbe9d74c965625b06d22a',
    File: '69fe07b11aedf51c62df411ca16f167417e3d564ff9938751de5b3d447d699ec',
    History: '6e07affd5b97a3f36e1227ecfe1d5ee64f78e42c594ea12bff1343ee78f39cfb',
    EncryptionKey: 'a21c5632a4df6fe62441e150ad6ce2c02a8623687b314512c3be060b090df251',
    AtprotoIdentity: '94d955f4e40f2d468a44ff373926f4dcf5561220ff1c392024e2410d97c1d1b3',
    AtRecord: '74fd55afdf2c06bf12dca52a4f925aec358c3bd02b508e5f53201c93495e3f57',
    LibraryItem: 'b32743a920ae35ee4d8e7b7fb3bb0bc0d33de7624d75f5dec477ed11c18b620f',
  })
})

test('golden: nor do those of algorithms', () => {
  assert.deepEqual(idsOf([xchacha20Poly1305, aes256Gcm, hpkeX25519]), {
    'leaf.xchacha20poly1305': 'e5bede72f8635b1690513b2d60a04580d3ffe17a666e9dde7b090705b2785c7a',
    'leaf.aes256gcm': 'bdae9fc1fabf9dad1dced803868320674092bdec53032ca4196e120760538ce6',
    'leaf.hpke-x25519': '6af109e4d214cf3ea89db9eb3cca8736afc68cac8bd74e1f4f420eccbf2162d4',
  })
})

test('every kind brings its schema and what explains it', () => {
  for (const { id, doc, objects, schema } of wellKnown) {
    assert.deepEqual(idOf(objects[0] ?? new Uint8Array()), id)
    if (doc === '') continue
    assert.ok(objects.some(object => toHex(idOf(object)) === toHex(schema.specification)))
  }
})
