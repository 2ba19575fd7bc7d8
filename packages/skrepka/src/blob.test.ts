import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { bucketBytes, openBlob, payloadBytesMax, sealBlob, sealedBytes } from './blob.ts'
import { fromHex, toHex } from './hex.ts'
import { identityFromSeed } from './identity.ts'
import { hchacha20, pickleOf, sealGeneration0, sealGeneration1, xchacha } from './test-generations.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const random = (count: number) => new Uint8Array(randomBytes(count))
const bo = identityFromSeed(new Uint8Array(32).fill(1))
const ana = identityFromSeed(new Uint8Array(32).fill(2))
const other = (payload: Buffer) => ({
  payload,
  senderSeed: Buffer.alloc(32, 1),
  recipientKey: Buffer.from(ana.publicKey),
  ephemeralSeed: randomBytes(32),
  nonce: randomBytes(24),
})
const seal = (payload: Uint8Array) => sealBlob({ payload, sender: bo, recipient: ana.publicKey, random })

test('XChaCha20-Poly1305 seals the example of its draft, here and in the independent writer', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => 0x80 + at))
  const nonce = Buffer.from(Array.from({ length: 24 }, (_, at) => 0x40 + at))
  const aad = hex('50515253c0c1c2c3c4c5c6c7')
  const text = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  )
  const sealed =
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49'
  assert.equal(toHex(xchacha20poly1305(key, nonce, aad).encrypt(text)), sealed)
  assert.equal(xchacha(key, nonce, text, aad).toString('hex'), sealed)
})

test('HChaCha20 of the independent writer gives the example of its draft', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => at))
  const nonce = hex('000000090000004a0000000031415927')
  assert.equal(
    hchacha20(key, nonce).toString('hex'),
    '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc',
  )
})

test('what is sealed for somebody opens with her key and names its sender', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async payload => {
      const opened = await openBlob(await seal(payload), ana)
      assert.deepEqual(opened, { sender: bo.key, payload, generation: 1 })
    }),
    { numRuns: 25 },
  )
})

test('the same message is another blob each time', async () => {
  const payload = Buffer.from('hello')
  assert.notDeepEqual(await seal(payload), await seal(payload))
})

test('a receipt, a sentence and a paragraph have one length', async () => {
  const lengths = await Promise.all(
    [0, 60, 700].map(async count => (await seal(new Uint8Array(count))).length),
  )
  assert.deepEqual(lengths, [1024, 1024, 1024])
  assert.deepEqual(
    [1024, 1025, 65_536, 65_537, 131_072, 131_073].map(bucketBytes),
    [1024, 2048, 65_536, 131_072, 131_072, 196_608],
  )
  assert.equal(sealedBytes(700), 1024)
  assert.equal((await seal(new Uint8Array(300_000))).length, sealedBytes(300_000))
})

test('a payload up to the bound is carried, one byte more is refused', async () => {
  const payload = random(payloadBytesMax)
  assert.deepEqual((await openBlob(await seal(payload), ana)).payload, payload)
  await assert.rejects(seal(new Uint8Array(payloadBytesMax + 1)), {
    name: 'LimitError',
    limit: 'payloadBytesMax',
  })
})

test('a blob with any byte changed does not open', async () => {
  const blob = await seal(Buffer.from('{"type":"text"}'))
  const places = [
    ...Array.from({ length: 190 }, (_, at) => at),
    ...Array.from({ length: 40 }, (_, at) => 190 + at * 20),
    1023,
  ]
  for (const at of places) {
    const changed = Uint8Array.from(blob)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    // The top bit of an X25519 key is ignored by the curve, but not by the salt of the key's derivation.
    await assert.rejects(openBlob(changed, ana), { code: 'not-for-us' }, `byte ${at}`)
  }
})

test('a blob that is cut or lengthened does not open', async () => {
  const blob = await seal(Buffer.from('hello'))
  for (const length of [0, 1, 167])
    await assert.rejects(openBlob(blob.subarray(0, length), ana), { name: 'MalformedError' })
  for (const length of [168, 172, 173, 1023])
    await assert.rejects(openBlob(blob.subarray(0, length), ana), { code: 'not-for-us' })
  await assert.rejects(openBlob(Buffer.concat([blob, Buffer.of(0)]), ana), { code: 'not-for-us' })
})

test('a blob for somebody else does not open', async () => {
  await assert.rejects(openBlob(await seal(Buffer.from('hello')), bo), { code: 'not-for-us' })
})

test('what was signed for one recipient cannot be sealed anew for another', async () => {
  // The signature of bo for ana, in a blob that opens for the third.
  const third = identityFromSeed(new Uint8Array(32).fill(3))
  const signedForAna: typeof bo = {
    ...bo,
    sign: async message => bo.sign(Buffer.concat([ana.publicKey, message.subarray(32)])),
  }
  const blob = await sealBlob({
    payload: Buffer.from('hello'),
    sender: signedForAna,
    recipient: third.publicKey,
    random,
  })
  await assert.rejects(openBlob(blob, third), { code: 'forged' })
})

test('a blob of the F# generation is read, whichever way its length is written', async () => {
  const texts = ['hello '.repeat(9), 'hello '.repeat(100), 'ab'.repeat(40_000)]
  for (const text of texts) {
    for (const code of [undefined, 0, 3] as const) {
      const payload = Buffer.from(text)
      const opened = await openBlob(sealGeneration0(other(payload), pickleOf(payload, code)), ana)
      assert.deepEqual(opened, { sender: bo.key, payload: new Uint8Array(payload), generation: 0 })
    }
  }
})

test('a blob of the F# generation that happens to begin with 01 is read', async () => {
  for (let tries = 0; ; tries += 1) {
    const ephemeralSeed = createHash('sha256').update(`begin ${tries}`).digest()
    if (x25519.getPublicKey(ephemeralSeed)[0] !== 1) continue
    const opened = await openBlob(sealGeneration0({ ...other(Buffer.from('hello')), ephemeralSeed }), ana)
    assert.equal(opened.generation, 0)
    return
  }
})

test('a blob of the Rust client is read', async () => {
  const payload = Buffer.from(JSON.stringify({ type: 'text', id: '1', body: 'привет '.repeat(300), ts: 1 }))
  const opened = await openBlob(sealGeneration1(other(payload)), ana)
  assert.deepEqual(opened, { sender: bo.key, payload: new Uint8Array(payload), generation: 1 })
})

test('a sender cannot make us allocate what he merely says', async () => {
  const pickle = Buffer.concat([Buffer.of(0xc0), Buffer.from('ffffff7f', 'hex'), Buffer.of(0x10, 0x41)])
  await assert.rejects(openBlob(sealGeneration0(other(Buffer.alloc(0)), pickle), ana), { name: 'LimitError' })
  const frame = Buffer.from('28b52ffda000000080010000', 'hex')
  await assert.rejects(openBlob(sealGeneration1(other(Buffer.alloc(0)), frame), ana), { name: 'LimitError' })
  await assert.rejects(openBlob(new Uint8Array(4 * 1024 * 1024 + 1), ana), { name: 'LimitError' })
})

test('the blobs of the vectors open to their payloads', async () => {
  const text = readFileSync(new URL('../../../vectors/skrepka-blob.json', import.meta.url), 'utf8')
  const vectors = JSON.parse(text) as {
    recipientSeed: string
    sender: string
    cases: { name: string; generation: number; payload: string; blob: string }[]
  }
  const recipient = identityFromSeed(fromHex(vectors.recipientSeed))
  for (const { name, generation, payload, blob } of vectors.cases) {
    const opened = await openBlob(fromHex(blob), recipient)
    assert.deepEqual(
      { ...opened, payload: toHex(opened.payload) },
      { sender: vectors.sender, payload, generation },
      name,
    )
  }
})

test('an empty or very short message of the F# generation is read', async () => {
  for (const text of ['', 'a', 'hello']) {
    const opened = await openBlob(sealGeneration0(other(Buffer.from(text))), ana)
    assert.equal(Buffer.from(opened.payload).toString(), text)
  }
})
