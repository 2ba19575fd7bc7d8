import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import fc from 'fast-check'
import type { KeyPair } from '../crypto.ts'
import { type Capability, communalCapability } from '../meadowcap/capability.ts'
import { authorise, createVerifier, delegate, ownedCapability } from '../meadowcap/verify.ts'
import { createStore } from '../store/engine.ts'
import { memoryBacking } from '../store/memory.ts'
import { ed25519, namespace, pathOf, personOf, signed, text } from '../store/test-entries.ts'
import { fullArea, subspaceArea } from '../willow/area.ts'
import type { Entry } from '../willow/entry.ts'
import type { Path } from '../willow/path.ts'
import { DropError } from './drop-error.ts'
import { isDropFault, readDrop } from './read-drop.ts'
import { exportDrop, importDrop } from './store-drop.ts'
import { type DropItem, writeDrop, type WriteDropOptions } from './write-drop.ts'

const verifier = createVerifier(ed25519)
const random = (length: number) => new Uint8Array(randomBytes(length))
const whole = { namespace, start: new Uint8Array(), end: undefined }
const open = () => createStore({ backing: memoryBacking(), verifier, random })

interface Draft {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
  readonly path: Path
  readonly timestamp: bigint
  readonly payload: Uint8Array
  readonly without?: boolean
}

async function itemOf(draft: Draft, capability: Capability, key: KeyPair): Promise<DropItem> {
  const { payload, without, ...fields } = draft
  const entry: Entry = { ...fields, payloadLength: BigInt(payload.length), digest: william3(payload) }
  const authorised = await authorise(ed25519, entry, capability, key)
  return { authorised, payload: without === true ? undefined : payload }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

async function bytesOf(items: readonly DropItem[], options?: WriteDropOptions): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await collect(writeDrop(items, options))))
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function itemsOf(bytes: Uint8Array, size = 4096): Promise<readonly DropItem[]> {
  return (await collect(readDrop(inPieces(bytes, size), { verifier }))).flat()
}

const alice = await personOf('alice')
const bob = await personOf('bob')
const carol = await personOf('carol')

/** A namespace's key whose last byte is odd: owned. */
async function ownedNamespace(): Promise<KeyPair> {
  for (let number = 0; ; number++) {
    const key = await personOf(`namespace ${number}`)
    if (((key.publicKey[31] as number) & 1) === 1) return key
  }
}

/** Every kind of token: communal, owned, passed on, passed on twice, and back. */
async function allKinds(): Promise<readonly DropItem[]> {
  const owner = await ownedNamespace()
  const communal = (key: KeyPair) => communalCapability('write', namespace, key.publicKey)
  const times = { start: 5n, end: 5000n }
  const narrow = { subspace: alice.publicKey, path: pathOf('shared'), times }
  const narrower = {
    subspace: alice.publicKey,
    path: pathOf('shared', 'by bob'),
    times: { start: 900n, end: 4999n },
  }
  const toBob = await delegate(ed25519, communal(alice), alice, { area: narrow, user: bob.publicKey })
  const toCarol = await delegate(ed25519, toBob, bob, { area: narrower, user: carol.publicKey })
  const owned = await ownedCapability(ed25519, 'write', owner, carol.publicKey)
  const anybody = { ...fullArea, path: pathOf('wiki') }
  const toAnybody = await delegate(ed25519, owned, carol, { area: anybody, user: bob.publicKey })
  const draft = (
    of: Uint8Array,
    subspace: KeyPair,
    path: Path,
    timestamp: bigint,
    payload: string,
  ): Draft => ({
    namespace: of,
    subspace: subspace.publicKey,
    path,
    timestamp,
    payload: text(payload),
  })
  const ns = owner.publicKey
  return [
    await itemOf(draft(namespace, alice, pathOf('a', 'b'), 7n, 'one'), communal(alice), alice),
    await itemOf(
      { ...draft(namespace, alice, pathOf('a', 'c'), 300n, 'x'), without: true },
      communal(alice),
      alice,
    ),
    await itemOf(draft(namespace, alice, pathOf('shared', 'note'), 70_000n, ''), communal(alice), alice),
    await itemOf(draft(namespace, alice, pathOf('shared', 'note', 'b'), 6n, 'by bob'), toBob, bob),
    await itemOf(draft(namespace, alice, pathOf('shared'), 7n, 'exactly there'), toBob, bob),
    await itemOf(draft(namespace, alice, pathOf('shared', 'by bob', 'c'), 1000n, 'by carol'), toCarol, carol),
    await itemOf(draft(ns, carol, [], 2n ** 64n - 1n, 'root'), owned, carol),
    await itemOf(draft(ns, alice, pathOf('', ''), 1n, 'in another one'), owned, carol),
    await itemOf(draft(ns, alice, pathOf('wiki', 'page'), 2n ** 32n, 'for anybody'), toAnybody, bob),
    await itemOf(draft(ns, bob, pathOf('wiki'), 3n, 'of his own'), toAnybody, bob),
    await itemOf(draft(namespace, bob, pathOf('z'), 8n, 'two'), communal(bob), bob),
  ]
}

const kinds = await allKinds()

test('entries with tokens of every kind come back from a drop, in whatever pieces it comes', async () => {
  const bytes = await bytesOf(kinds, { delegated: true })
  for (const size of [1, 7, 1000, bytes.length]) assert.deepEqual(await itemsOf(bytes, size), kinds)
})

test('a drop that is cut off at any byte fails, and so does one with a byte after its end', async () => {
  const bytes = await bytesOf(kinds, { delegated: true })
  for (let length = 0; length < bytes.length; length++)
    await assert.rejects(itemsOf(bytes.subarray(0, length)), isDropFault, `cut off at ${length}`)
  await assert.rejects(itemsOf(Uint8Array.from([...bytes, 0])), MalformedError)
})

test('a drop with a bit flipped fails, in any byte of it', async () => {
  const bytes = await bytesOf(kinds.slice(3, 9), { delegated: true })
  const bits = (byte: number) => (byte % 5 === 0 ? [0, 1, 2, 3, 4, 5, 6, 7] : [byte % 8])
  for (let byte = 0; byte < bytes.length; byte++)
    for (const bit of bits(byte)) {
      const flipped = bytes.slice()
      flipped[byte] = (flipped[byte] as number) ^ (1 << bit)
      await assert.rejects(itemsOf(flipped), isDropFault, `bit ${bit} of byte ${byte}`)
    }
})

test('an entry that is passed on is written only when that is asked for', async () => {
  await assert.rejects(
    bytesOf(kinds),
    (error: unknown) => error instanceof DropError && error.code === 'delegated' && error.index === 3,
  )
})

test('nothing of a drop is stored when its last entry is not authorised', async () => {
  const forged = await itemOf(
    { namespace, subspace: bob.publicKey, path: pathOf('forged'), timestamp: 9n, payload: text('x') },
    communalCapability('write', namespace, bob.publicKey),
    alice,
  )
  const many: DropItem[] = []
  for (let number = 0; number < 300; number++)
    many.push({
      authorised: await signed(alice, { path: pathOf(`${number}`), timestamp: 1n, payload: text('p') }),
      payload: text('p'),
    })
  const store = open()
  const bytes = await bytesOf([...many, forged])
  await assert.rejects(
    importDrop({ store, verifier, open: () => inPieces(bytes, 1000) }),
    (error: unknown) => error instanceof DropError && error.code === 'unauthorised' && error.index === 300,
  )
  assert.equal((await store.summary(whole)).count, 0)
})

test('a payload that is not the entry\u2019s, slices of one, and one that is too large refuse the drop', async () => {
  const [first] = kinds
  assert.ok(first)
  const wrong = await bytesOf([{ ...first, payload: text('two') }])
  await assert.rejects(
    itemsOf(wrong),
    (error: unknown) => error instanceof DropError && error.code === 'digest',
  )
  for (const mode of [2, 3]) {
    const sliced = await bytesOf([first])
    sliced[0] = ((sliced[0] as number) & 0xfc) | mode
    await assert.rejects(itemsOf(sliced), MalformedError)
  }
  const bytes = await bytesOf([first])
  const reading = collect(readDrop(inPieces(bytes, 9), { verifier, payloadBytesMax: 2 }))
  await assert.rejects(reading, (error: unknown) => error instanceof DropError && error.code === 'too-large')
})

test('a store that imports what another one exports is equal to it', async () => {
  const text1 = fc.constantFrom('', 'a', 'b', 'ab', '\u0000')
  const draft = fc.record({
    path: fc.array(text1, { maxLength: 3 }).map(words => pathOf(...words)),
    timestamp: fc.bigInt({ min: 0n, max: 300n }),
    payload: fc.constantFrom(text(''), text('x'), text('y'.repeat(5000))),
    person: fc.constantFrom(alice, bob),
    keeps: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(draft, { maxLength: 12 }), async drafts => {
      const [from, to] = [open(), open()]
      await from.ingest(await Promise.all(drafts.map(one => signed(one.person, one))))
      for (const { payload, keeps } of drafts) if (keeps) await from.putPayload(william3(payload), payload)
      const areas = [alice, bob].map(({ publicKey }) => ({ namespace, area: subspaceArea(publicKey) }))
      const pieces = await collect(
        exportDrop({ store: from, areas: [...areas, { namespace, area: fullArea }] }),
      )
      async function* again() {
        yield* pieces
      }
      const result = await importDrop({ store: to, verifier, open: again })
      assert.deepEqual(await to.summary(whole), await from.summary(whole))
      assert.equal(result.stored, (await from.summary(whole)).count)
      const payloads = async (store: typeof to) =>
        (await store.page({ range: whole, limit: 100 })).entries.map(({ hasPayload }) => hasPayload)
      assert.deepEqual(await payloads(to), await payloads(from))
    }),
    { numRuns: 40 },
  )
})

test('a large drop is read as it comes: no more than a few payloads ahead of what was given on', async () => {
  const payload = new Uint8Array(400_000).fill(7)
  const authorised = await signed(alice, { path: pathOf('large'), timestamp: 1n, payload })
  let read = 0
  async function* endless() {
    for await (const piece of writeDrop(Array.from({ length: 60 }, () => ({ authorised, payload })))) {
      read += 1
      yield piece
    }
  }
  let given = 0
  for await (const batch of readDrop(endless(), { verifier })) {
    given += batch.length
    assert.ok(read - given < 6, `${read} read, ${given} given`)
  }
  assert.equal(given, 60)
})
