import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError } from '@leaf/codec/errors'
import fc from 'fast-check'
import type { KeyPair } from '../crypto.ts'
import { ed25519, namespace, pathOf, personOf } from '../store/test-entries.ts'
import { type Area, fullArea, subspaceArea } from '../willow/area.ts'
import {
  type AccessMode,
  type Capability,
  communalCapability,
  decodeCapability,
  delegationsMax,
  encodeCapability,
  grantedArea,
  isCommunal,
  withDelegation,
} from './capability.ts'
import { authorise, createVerifier, delegate, ownedCapability } from './verify.ts'

const alice = await personOf('alice')
const bob = await personOf('bob')
const people: readonly KeyPair[] = [alice, bob, await personOf('carol'), await personOf('dave')]
const owner = await (async () => {
  for (let number = 0; ; number++) {
    const key = await personOf(`owner ${number}`)
    if (!isCommunal(key.publicKey)) return key
  }
})()

/** Narrower by a word and some time with every step. */
const steps = fc.array(
  fc.record({
    to: fc.constantFrom(...people),
    word: fc.option(fc.constantFrom('a', 'b', '')),
    later: fc.bigInt({ min: 0n, max: 300n }),
    end: fc.boolean(),
  }),
  { maxLength: 4 },
)
const roots = fc.record({ owned: fc.boolean(), mode: fc.constantFrom<AccessMode>('read', 'write'), steps })

type Plan = typeof roots extends fc.Arbitrary<infer T> ? T : never

async function build(plan: Plan): Promise<{ capability: Capability; receiver: KeyPair }> {
  let receiver = alice
  let capability = plan.owned
    ? await ownedCapability(ed25519, plan.mode, owner, alice.publicKey)
    : communalCapability(plan.mode, namespace, alice.publicKey)
  for (const { to, word, later, end } of plan.steps) {
    const before = grantedArea(capability)
    const start = before.times.start + later
    const area: Area = {
      subspace: before.subspace ?? (end ? alice.publicKey : undefined),
      path: word === null ? before.path : [...before.path, ...pathOf(word)],
      times: { start, end: before.times.end ?? (end ? start + 10_000n : undefined) },
    }
    capability = await delegate(ed25519, capability, receiver, { area, user: to.publicKey })
    receiver = to
  }
  return { capability, receiver }
}

test('capabilities of every shape hold, come back from their bytes, and let their receiver write', async () => {
  await fc.assert(
    fc.asyncProperty(roots, async plan => {
      const { capability, receiver } = await build(plan)
      const verifier = createVerifier(ed25519)
      assert.equal(await verifier.capabilityFault(capability), undefined)
      const bytes = encodeCapability(capability)
      assert.deepEqual(decodeCapability(bytes), capability)
      for (let length = 0; length < bytes.length; length++)
        assert.throws(() => decodeCapability(bytes.subarray(0, length)), MalformedError)
      assert.throws(() => decodeCapability(Uint8Array.from([...bytes, 0])), MalformedError)
      const { subspace, path, times } = grantedArea(capability)
      const entry = {
        namespace: capability.namespace,
        subspace: subspace ?? bob.publicKey,
        path,
        timestamp: times.start,
        payloadLength: 0n,
        digest: new Uint8Array(32),
      }
      const authorised = await authorise(ed25519, entry, capability, receiver)
      assert.equal(await verifier.entryFault(authorised), plan.mode === 'write' ? undefined : 'wrong-mode')
    }),
    { numRuns: 60 },
  )
})

test('a capability with any bit of any field changed is malformed or does not hold', async () => {
  await fc.assert(
    fc.asyncProperty(roots, fc.nat(), async (plan, seed) => {
      if (!plan.owned && plan.steps.length === 0) return
      const { capability } = await build(plan)
      const bytes = encodeCapability(capability)
      const verifier = createVerifier(ed25519)
      for (let at = seed % 3; at < bytes.length; at += 3) {
        const changed = bytes.with(at, (bytes[at] as number) ^ (1 << ((seed + at) % 8)))
        let decoded: Capability
        try {
          decoded = decodeCapability(changed)
        } catch (error) {
          assert.ok(error instanceof MalformedError)
          continue
        }
        assert.notEqual(await verifier.capabilityFault(decoded), undefined, `byte ${at}`)
      }
    }),
    { numRuns: 40 },
  )
})

test('delegations cannot be left out in the middle, put in another order, or put on another root', async () => {
  const verifier = createVerifier(ed25519)
  const step = { word: null, later: 0n, end: false }
  const { capability } = await build({
    owned: false,
    mode: 'write',
    steps: people.slice(1).map(to => ({ ...step, to })),
  })
  assert.equal(await verifier.capabilityFault(capability), undefined)
  const [first, second, third] = capability.delegations
  assert.ok(first && second && third)
  for (const delegations of [[second], [first, third], [second, first, third], [first, first, second, third]])
    assert.notEqual(await verifier.capabilityFault({ ...capability, delegations }), undefined)
  assert.notEqual(await verifier.capabilityFault({ ...capability, mode: 'read' }), undefined)
  assert.notEqual(await verifier.capabilityFault({ ...capability, user: bob.publicKey }), undefined)
  // What was passed on may be passed back: a prefix of a chain is a capability of its own.
  assert.equal(await verifier.capabilityFault({ ...capability, delegations: [first, second] }), undefined)
})

test('a delegation that grants more than the one before it does not hold, though it is signed', async () => {
  const verifier = createVerifier(ed25519)
  const narrow = { ...subspaceArea(alice.publicKey), path: pathOf('a') }
  const to = await delegate(ed25519, communalCapability('write', namespace, alice.publicKey), alice, {
    area: narrow,
    user: bob.publicKey,
  })
  await assert.rejects(
    delegate(ed25519, to, bob, { area: subspaceArea(alice.publicKey), user: alice.publicKey }),
    RangeError,
  )
  const wide = withDelegation(to, { area: fullArea, user: bob.publicKey, signature: new Uint8Array(64) })
  assert.equal(await verifier.capabilityFault(wide), 'area')
})

test('chains have a greatest length, and keys of small order are nobody\u2019s', async () => {
  const verifier = createVerifier(ed25519)
  let capability = communalCapability('write', namespace, alice.publicKey)
  for (let number = 0; number <= delegationsMax; number++)
    capability = await delegate(ed25519, capability, alice, {
      area: subspaceArea(alice.publicKey),
      user: alice.publicKey,
    })
  assert.equal(await verifier.capabilityFault(capability), 'too-long')
  assert.throws(() => decodeCapability(encodeCapability(capability)), MalformedError)
  const small = new Uint8Array(32).with(0, 1)
  assert.equal(await verifier.capabilityFault(communalCapability('write', namespace, small)), 'bad-key')
  const owned = { ...communalCapability('write', owner.publicKey, alice.publicKey) }
  assert.equal(await verifier.capabilityFault(owned), 'wrong-kind')
})
