/** What every store must do, wherever it keeps its rows. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { william3 } from '@leaf/codec/william3'
import fc from 'fast-check'
import { encodeCapability } from '../meadowcap/capability.ts'
import { type AuthorisedEntry, createVerifier, delegate } from '../meadowcap/verify.ts'
import { allTimes } from '../willow/area.ts'
import { encodeEntry, prunes } from '../willow/entry.ts'
import { compareBytes, compareBytes as compare, pathKey } from '../willow/path.ts'
import type { Backing } from './backing.ts'
import type { EntryStore, KeyRange, StoredEntry } from './contract.ts'
import { createStore } from './engine.ts'
import { join } from './keys.ts'
import { hashOf } from './row.ts'
import { addSums, zeroSum } from './sum.ts'
import {
  credulous,
  type Draft,
  ed25519,
  namespace,
  pathOf,
  personOf,
  signed,
  text,
  unsigned,
} from './test-entries.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))
const whole: KeyRange = { namespace, start: new Uint8Array(), end: undefined }
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The naive join: everything that nothing else prunes. */
function joined(entries: readonly AuthorisedEntry[]): readonly AuthorisedEntry[] {
  const different = new Map(entries.map(one => [hex(encodeEntry(one.entry)), one]))
  const all = [...different.values()]
  return all.filter(one => !all.some(other => prunes(other.entry, one.entry)))
}

const namesOf = (entries: readonly AuthorisedEntry[]) =>
  entries.map(({ entry }) => hex(encodeEntry(entry))).toSorted()

function naiveFingerprint(entries: readonly AuthorisedEntry[]): string {
  const hashes = entries.map(({ entry, token }) =>
    hashOf(entry.payloadLength, encodeCapability(token.capability), encodeEntry(entry)),
  )
  return hex(hashes.reduce(addSums, zeroSum))
}

async function all(store: EntryStore, range: KeyRange = whole): Promise<readonly StoredEntry[]> {
  const entries: StoredEntry[] = []
  for (let start: Uint8Array | undefined = range.start; start !== undefined; ) {
    const page: Awaited<ReturnType<EntryStore['page']>> = await store.page({
      range: { ...range, start },
      limit: 7,
    })
    entries.push(...page.entries)
    start = page.next
  }
  return entries
}

const subspaces = [1, 2, 3].map(byte => new Uint8Array(32).fill(byte))
const component = fc.constantFrom('', 'a', 'b', '\u0000', '\u0001', 'ab')
const draft: fc.Arbitrary<Draft> = fc.record({
  path: fc.array(component, { maxLength: 3 }).map(words => pathOf(...words)),
  timestamp: fc.bigInt({ min: 0n, max: 6n }),
  payload: fc.constantFrom(text(''), text('x'), text('yy')),
})
const anyEntry = fc
  .tuple(fc.constantFrom(...subspaces), draft)
  .map(([subspace, one]) => unsigned(subspace, one))

export interface SuiteOptions {
  readonly name: string
  /** A place without rows. */
  readonly open: () => Promise<Backing>
  /** Property runs; fewer where a place is slow. */
  readonly runs: number
}

export function describeStore({ name, open, runs }: SuiteOptions): void {
  const fresh = async (verifier = credulous) => createStore({ backing: await open(), verifier, random })

  test(`${name}: whatever the order and the batches, the naive join remains, and its fingerprints`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEntry, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 12 }),
        fc.infiniteStream(fc.nat()),
        async (entries, batch, order) => {
          const store = await fresh()
          const shuffled = entries
            .map(entry => ({ entry, at: order.next().value ?? 0 }))
            .toSorted((a, b) => a.at - b.at)
            .map(({ entry }) => entry)
          for (let at = 0; at < shuffled.length; at += batch)
            await store.ingest(shuffled.slice(at, at + batch))
          const expected = joined(entries)
          const stored = await all(store)
          assert.deepEqual(namesOf(stored), namesOf(expected))
          const keys = stored.map(({ entry }) => hex(join(entry.subspace, pathKey(entry.path))))
          assert.deepEqual(keys, keys.toSorted())
          const summary = await store.summary(whole)
          assert.equal(summary.count, expected.length)
          assert.equal(hex(summary.fingerprint), naiveFingerprint(expected))
          await store.close()
        },
      ),
      { numRuns: runs },
    )
  })

  test(`${name}: sums of any range are those of its entries, through growth, pruning and many levels`, async () => {
    const store = await fresh()
    const entries: AuthorisedEntry[] = []
    for (let index = 0; index < 1500; index++) {
      const subspace = subspaces[index % 3] ?? new Uint8Array(32)
      entries.push(
        unsigned(subspace, {
          path: pathOf(String((index * 7919) % 1500), 'x'),
          timestamp: BigInt(index),
          payload: text(String(index % 5)),
        }),
      )
    }
    for (let at = 0; at < entries.length; at += 400) await store.ingest(entries.slice(at, at + 400))
    // A few prefixes are overwritten, which prunes what lies below.
    const prunings = ['1', '12', '700', '999'].flatMap(word =>
      subspaces.map(subspace =>
        unsigned(subspace, { path: pathOf(word), timestamp: 9999n, payload: text('') }),
      ),
    )
    await store.ingest(prunings)
    const left = joined([...entries, ...prunings])
    const keyOf = ({ entry }: AuthorisedEntry) => join(entry.subspace, pathKey(entry.path))
    const sorted = left.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
    for (let turn = 0; turn < 60; turn++) {
      const from = Math.floor((turn * 37) % sorted.length)
      const to = turn % 7 === 0 ? undefined : Math.min(sorted.length - 1, from + turn * 20)
      const start = turn % 5 === 0 ? new Uint8Array() : keyOf(sorted[from] as AuthorisedEntry)
      const end = to === undefined ? undefined : keyOf(sorted[to] as AuthorisedEntry)
      const expected = sorted.filter(
        one =>
          compareBytes(keyOf(one), start) >= 0 && (end === undefined || compareBytes(keyOf(one), end) < 0),
      )
      const summary = await store.summary({ namespace, start, end })
      assert.equal(summary.count, expected.length)
      assert.equal(hex(summary.fingerprint), naiveFingerprint(expected))
    }
    for (const parts of [2, 8, 64]) {
      const pieces = await store.split(whole, parts)
      assert.ok(pieces.length > 1 && pieces.length <= parts)
      assert.equal(
        pieces.reduce((sum, piece) => sum + piece.count, 0),
        sorted.length,
      )
      assert.equal(
        hex(pieces.map(piece => piece.fingerprint).reduce(addSums, zeroSum)),
        naiveFingerprint(sorted),
      )
      assert.ok(Math.max(...pieces.map(piece => piece.count)) <= (sorted.length / parts) * 3 + 256)
      for (const [index, piece] of pieces.entries()) {
        assert.deepEqual(piece.start, index === 0 ? whole.start : pieces[index - 1]?.end)
        const direct = await store.summary(piece)
        assert.deepEqual([direct.count, hex(direct.fingerprint)], [piece.count, hex(piece.fingerprint)])
      }
    }
    await store.close()
  })

  test(`${name}: arrivals rise, come again from any number, and skip what was pruned`, async () => {
    const store = await fresh()
    const subspace = subspaces[0] as Uint8Array
    const entry = (word: string, timestamp: bigint) =>
      unsigned(subspace, { path: pathOf(word), timestamp, payload: text(word) })
    await store.ingest([entry('a', 1n), entry('b', 1n)])
    await store.ingest([entry('a', 2n)])
    const arrivals = await store.arrivals(namespace, 0, 10)
    assert.deepEqual(
      arrivals.map(one => [one.arrival, Buffer.from(one.entry.path[0] ?? []).toString()]),
      [
        [2, 'b'],
        [3, 'a'],
      ],
    )
    assert.deepEqual(
      (await store.arrivals(namespace, 2, 10)).map(one => one.arrival),
      [3],
    )
    assert.equal(await store.lastArrival(), 3)
    assert.match(await store.epoch(), /^[0-9a-f]{32}$/)
    assert.equal(await store.epoch(), await store.epoch())
    await store.close()
  })

  test(`${name}: what nobody authorised is refused, each for its reason, and leaves nothing`, async () => {
    const verifier = createVerifier(ed25519)
    const store = await fresh(verifier)
    const alice = await personOf('alice')
    const bob = await personOf('bob')
    const good = await signed(alice, { path: pathOf('a'), timestamp: 5n, payload: text('hi') })
    const capability = await delegate(ed25519, good.token.capability, alice, {
      area: { subspace: alice.publicKey, path: pathOf('shared'), times: allTimes },
      user: bob.publicKey,
    })
    const flipped = good.token.signature.slice()
    flipped[3] = (flipped[3] as number) ^ 1
    const wrong: readonly (readonly [AuthorisedEntry, string])[] = [
      [{ ...good, token: { ...good.token, signature: flipped } }, 'bad-signature'],
      [{ ...good, entry: { ...good.entry, timestamp: 6n } }, 'bad-signature'],
      [{ ...good, entry: { ...good.entry, subspace: bob.publicKey } }, 'outside'],
      [{ ...good, token: { ...good.token, capability } }, 'outside'],
      [
        { ...good, token: { ...good.token, capability: { ...good.token.capability, mode: 'read' } } },
        'wrong-mode',
      ],
      [{ ...good, entry: { ...good.entry, timestamp: 99n } }, 'future'],
      [{ ...good, entry: { ...good.entry, path: [new Uint8Array(5000)] } }, 'limit'],
    ]
    const outcomes = await store.ingest(
      wrong.map(([entry]) => entry),
      { timestampMax: 50n },
    )
    assert.deepEqual(
      outcomes.map(outcome => (outcome.kind === 'refused' ? outcome.fault : outcome.kind)),
      wrong.map(([, fault]) => fault),
    )
    assert.equal((await store.summary(whole)).count, 0)
    // A forged one that claims to be newer does not stand in the way of a genuine one that came with it.
    const forged = { ...good, entry: { ...good.entry, timestamp: 40n } }
    const mixed = await (await fresh(verifier)).ingest([forged, good])
    assert.deepEqual(
      mixed.map(({ kind }) => kind),
      ['refused', 'stored'],
    )
    assert.deepEqual(await store.ingest([good], { namespaceAllowed: () => false }), [
      { kind: 'refused', fault: 'namespace' },
    ])
    const [stored, again] = [await store.ingest([good]), await store.ingest([good])]
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['stored'],
    )
    assert.deepEqual(
      again.map(({ kind }) => kind),
      ['known'],
    )
    await store.close()
  })

  test(`${name}: the same entry under two capabilities ends as one, whichever came first`, async () => {
    const alice = await personOf('alice')
    const plain = await signed(alice, { path: pathOf('a'), timestamp: 5n, payload: text('hi') })
    const capability = await delegate(ed25519, plain.token.capability, alice, {
      area: { subspace: alice.publicKey, path: pathOf('a'), times: allTimes },
      user: alice.publicKey,
    })
    const other = { ...plain, token: { ...plain.token, capability } }
    const fingerprints: string[] = []
    for (const order of [
      [plain, other],
      [other, plain],
    ]) {
      const store = await fresh(createVerifier(ed25519))
      for (const one of order) await store.ingest([one])
      const { fingerprint, count } = await store.summary(whole)
      assert.equal(count, 1)
      fingerprints.push(hex(fingerprint))
      await store.close()
    }
    assert.equal(fingerprints[0], fingerprints[1])
  })

  test(`${name}: payloads are kept when an entry names them, and go with the last one that does`, async () => {
    const store = await fresh()
    const subspace = subspaces[0] as Uint8Array
    const payload = text('hello')
    const digest = william3(payload)
    assert.equal(await store.putPayload(digest, payload), false)
    await store.ingest([unsigned(subspace, { path: pathOf('a'), timestamp: 1n, payload })])
    await store.ingest([unsigned(subspace, { path: pathOf('b'), timestamp: 1n, payload })])
    assert.deepEqual(await store.missingPayloads([digest]), [digest])
    assert.equal(await store.putPayload(digest, text('hellO')), false)
    assert.equal(await store.putPayload(digest, payload), true)
    assert.deepEqual(await store.payload(digest), payload)
    assert.deepEqual(
      (await all(store)).map(one => one.hasPayload),
      [true, true],
    )
    await store.ingest([unsigned(subspace, { path: pathOf('a'), timestamp: 2n, payload: text('') })])
    assert.deepEqual(await store.payload(digest), payload)
    await store.ingest([unsigned(subspace, { path: pathOf('b'), timestamp: 2n, payload: text('') })])
    assert.equal(await store.payload(digest), undefined)
    await store.close()
  })

  test(`${name}: one's own entries come with their payloads, all or none`, async () => {
    const store = await fresh()
    const subspace = subspaces[0] as Uint8Array
    const item = (word: string, timestamp: bigint) => ({
      authorised: unsigned(subspace, { path: pathOf(word), timestamp, payload: text(word) }),
      payload: text(word),
    })
    await store.write([item('a', 5n), item('b', 5n)])
    assert.deepEqual(
      (await all(store)).map(one => one.hasPayload),
      [true, true],
    )
    await assert.rejects(store.write([item('c', 5n), item('a', 4n)]), /newer/)
    assert.equal((await store.summary(whole)).count, 2)
    const newest = await store.newestAbove(namespace, subspace, pathOf('a', 'below'))
    assert.equal(newest?.entry.timestamp, 5n)
    assert.equal((await store.entry(namespace, subspace, pathOf('b')))?.entry.payloadLength, 1n)
    assert.equal(await store.entry(namespace, subspace, pathOf('z')), undefined)
    await store.close()
  })

  test(`${name}: a quota holds to the entry, and what makes room is always taken`, async () => {
    const store = await fresh()
    const subspace = subspaces[0] as Uint8Array
    const entry = (word: string, timestamp: bigint, payload: string) =>
      unsigned(subspace, { path: pathOf('p', word), timestamp, payload: text(payload) })
    const options = { quotaOf: () => ({ entries: 3, bytes: 10 }) }
    const kinds = async (entries: readonly AuthorisedEntry[]) =>
      (await store.ingest(entries, options)).map(({ kind }) => kind)
    assert.deepEqual(await kinds([entry('a', 1n, '1234'), entry('b', 1n, '1234'), entry('c', 1n, '123')]), [
      'stored',
      'stored',
      'refused',
    ])
    assert.deepEqual(await kinds([entry('c', 1n, '12')]), ['stored'])
    assert.deepEqual(await kinds([entry('d', 1n, '')]), ['refused'])
    assert.deepEqual(await kinds([entry('a', 2n, '1')]), ['stored'])
    assert.deepEqual(
      await kinds([unsigned(subspace, { path: pathOf('p'), timestamp: 9n, payload: text('') })]),
      ['stored'],
    )
    assert.deepEqual(await store.subspaces(namespace, undefined, 10), [{ subspace, entries: 1, bytes: 0 }])
    await store.close()
  })

  test(`${name}: a forgotten subspace leaves nothing, and the others stay`, async () => {
    const store = await fresh()
    const [one, two] = [subspaces[0] as Uint8Array, subspaces[1] as Uint8Array]
    const entries = [one, two].flatMap(subspace =>
      Array.from({ length: 700 }, (_, index) =>
        unsigned(subspace, { path: pathOf(String(index)), timestamp: 1n, payload: text('x') }),
      ),
    )
    await store.ingest(entries)
    let woken = 0
    const stop = store.listen(() => {
      woken += 1
    })
    await store.forget(namespace, one)
    stop()
    assert.ok(woken > 0)
    assert.deepEqual(await store.subspaces(namespace, undefined, 10), [
      { subspace: two, entries: 700, bytes: 700 },
    ])
    assert.equal((await store.summary(whole)).count, 700)
    await store.forget(namespace)
    assert.deepEqual(await store.subspaces(namespace, undefined, 10), [])
    await store.close()
  })
}
