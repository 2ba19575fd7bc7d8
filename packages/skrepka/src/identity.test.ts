import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { webcrypto } from 'node:crypto'
import fc from 'fast-check'
import { fromHex, toHex } from './hex.ts'
import { agreementKeyOf, identityFromSeed, isIdentityKey, sharedSecret, verifySignature } from './identity.ts'
import { importSubtleKeys, subtleIdentity } from './subtle-identity.ts'

/** RFC 8032, section 7.1, tests 1 to 3. */
const rfc8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

test('keys and signatures are those of RFC 8032', async () => {
  for (const [seed, publicKey, message, signature] of rfc8032) {
    const identity = identityFromSeed(fromHex(seed))
    const bytes = Buffer.from(message, 'hex')
    assert.equal(identity.key, publicKey)
    assert.equal(toHex(await identity.sign(bytes)), signature)
    assert.ok(verifySignature(identity.publicKey, bytes, fromHex(signature)))
    assert.ok(!verifySignature(identity.publicKey, Buffer.concat([bytes, Buffer.of(1)]), fromHex(signature)))
  }
})

test('agreement keys are those of libsodium', () => {
  // libsodium, test/default/ed25519_convert.c
  const identity = identityFromSeed(
    fromHex('421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee'),
  )
  assert.equal(
    toHex(identity.agreementKey),
    'f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50',
  )
})

test('a shared secret is that of RFC 7748, section 5.2', () => {
  const secret = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4')
  const publicKey = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c')
  assert.equal(
    toHex(sharedSecret(secret, publicKey)),
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  )
})

test('keys that are nobody’s or everybody’s are refused', () => {
  const vectors = JSON.parse(
    readFileSync(new URL('../../../vectors/skrepka-proof.json', import.meta.url), 'utf8'),
  ) as {
    smallOrderKeys: string[]
    nonCanonicalKeys: string[]
  }
  const noPoint = `02${'00'.repeat(31)}`
  for (const key of [...vectors.smallOrderKeys, ...vectors.nonCanonicalKeys, noPoint]) {
    assert.ok(!isIdentityKey(fromHex(key)), key)
    assert.throws(() => agreementKeyOf(fromHex(key)), { name: 'MalformedError' })
  }
  const identityPoint = fromHex(vectors.smallOrderKeys[0]!)
  assert.ok(!verifySignature(identityPoint, new Uint8Array(), fromHex(`01${'00'.repeat(63)}`)))
})

test('a secret shared with a key of small order is refused', async () => {
  const identity = identityFromSeed(new Uint8Array(32).fill(9))
  const keys = await importSubtleKeys(webcrypto.subtle as SubtleCrypto, new Uint8Array(32).fill(9))
  const platform = subtleIdentity(webcrypto.subtle as SubtleCrypto, keys!)
  for (const one of [identity, platform]) {
    await assert.rejects(one.agree(new Uint8Array(32)), { name: 'MalformedError' })
  }
})

test('keys in the platform’s keeping do what the seed does, and cannot be read', async () => {
  const subtle = webcrypto.subtle as SubtleCrypto
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 100 }),
      async (seed, message) => {
        const software = identityFromSeed(seed)
        const keys = await importSubtleKeys(subtle, seed)
        assert.ok(keys !== undefined)
        const platform = subtleIdentity(subtle, keys)
        assert.equal(platform.key, software.key)
        assert.deepEqual(platform.agreementKey, software.agreementKey)
        assert.deepEqual(await platform.sign(message), await software.sign(message))
        const friend = identityFromSeed(new Uint8Array(32).fill(5))
        assert.deepEqual(await platform.agree(friend.agreementKey), await software.agree(friend.agreementKey))
        assert.deepEqual(await friend.agree(platform.agreementKey), await software.agree(friend.agreementKey))
        await assert.rejects(webcrypto.subtle.exportKey('pkcs8', keys.signing as never))
      },
    ),
    { numRuns: 20 },
  )
})

test('a platform without these curves is told apart', async () => {
  const subtle = {
    importKey: async () => Promise.reject(new Error('unknown algorithm')),
  } as unknown as SubtleCrypto
  assert.equal(await importSubtleKeys(subtle, new Uint8Array(32)), undefined)
})
