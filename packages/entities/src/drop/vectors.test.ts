import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { william3 } from '@leaf/codec/william3'
import { communalCapability } from '../meadowcap/capability.ts'
import { authorise, createVerifier } from '../meadowcap/verify.ts'
import { ed25519, pathOf, text } from '../store/test-entries.ts'
import { defaultReference } from './drop-entry.ts'
import { readDrop } from './read-drop.ts'
import { type DropItem, writeDrop } from './write-drop.ts'

const verifier = createVerifier(ed25519)
const unhex = (value: string) => new Uint8Array(Buffer.from(value, 'hex'))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

async function bytesOf(items: readonly DropItem[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of writeDrop(items)) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

async function itemsOf(bytes: Uint8Array): Promise<readonly DropItem[]> {
  async function* whole() {
    yield bytes
  }
  const items: DropItem[] = []
  for await (const batch of readDrop(whole(), { verifier })) items.push(...batch)
  return items
}

interface Vectors {
  readonly defaultEntry: {
    readonly secretKey: string
    readonly signatureBegins: string
    readonly signatureEnds: string
  }
  readonly drops: readonly {
    readonly name: string
    readonly seed: string
    readonly namespace: string
    readonly entries: readonly {
      readonly path: readonly string[]
      readonly timestamp: string
      readonly payload: string
    }[]
    readonly bytes: number
    readonly sha256: string
  }[]
  readonly payloads: readonly (readonly [payload: string, digest: string])[]
}

const file = new URL('../../../../vectors/drop.json', import.meta.url)
const vectors: Vectors = JSON.parse(await readFile(file, 'utf8'))

test('the default token of Willow\u201925 is signed as published', async () => {
  const { secretKey, signatureBegins, signatureEnds } = vectors.defaultEntry
  const key = { secretKey: unhex(secretKey), publicKey: defaultReference.entry.subspace }
  assert.deepEqual(await ed25519.publicKeyOf(key.secretKey), key.publicKey)
  const { capability } = defaultReference.token
  const { token } = await authorise(ed25519, defaultReference.entry, capability, key)
  assert.ok(hex(token.signature).startsWith(signatureBegins))
  assert.ok(hex(token.signature).endsWith(signatureEnds))
  assert.equal(await verifier.entryFault({ entry: defaultReference.entry, token }), undefined)
})

test('drops of published inputs have their known bytes', async () => {
  for (const drop of vectors.drops) {
    const secretKey = unhex(drop.seed)
    const key = { secretKey, publicKey: await ed25519.publicKeyOf(secretKey) }
    const of = unhex(drop.namespace)
    const items: DropItem[] = []
    for (const { path, timestamp, payload } of drop.entries) {
      const bytes = text(payload)
      const entry = {
        namespace: of,
        subspace: key.publicKey,
        path: pathOf(...path),
        timestamp: BigInt(timestamp),
        payloadLength: BigInt(bytes.length),
        digest: william3(bytes),
      }
      const capability = communalCapability('write', of, key.publicKey)
      items.push({ authorised: await authorise(ed25519, entry, capability, key), payload: bytes })
    }
    const bytes = await bytesOf(items)
    assert.equal(bytes.length, drop.bytes, drop.name)
    assert.equal(createHash('sha256').update(bytes).digest('hex'), drop.sha256, drop.name)
    assert.deepEqual(await itemsOf(bytes), items)
  }
  assert.deepEqual(await bytesOf([]), Uint8Array.of(0))
})

test('payloads of drops that another implementation wrote have their published digests', () => {
  for (const [payload, digest] of vectors.payloads) assert.equal(hex(william3(unhex(payload))), digest)
})
