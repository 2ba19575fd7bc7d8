import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyPair } from '@leaf/entities/crypto'
import { communalCapability } from '@leaf/entities/meadowcap/capability'
import { pathOf, namespace, signed, text } from '@leaf/entities/store/test-entries'
import { join } from '@leaf/entities/store/keys'
import { signAuth } from '@leaf/entities/sync/auth'
import { frameTypes, SyncError, syncLimits } from '@leaf/entities/sync/contract'
import { createEntryFrame } from '@leaf/entities/sync/entry-frames'
import {
  encodeAreas,
  encodeAuth,
  encodeCredit,
  encodeHello,
  encodeLive,
  encodeSince,
  openFrame,
  readHello,
  readServed,
} from '@leaf/entities/sync/frames'
import { createWantFrame, encodeChunk, readChunk } from '@leaf/entities/sync/payload-frames'
import { createRangeFrame, type RangeItem } from '@leaf/entities/sync/range-frames'
import { subspaceArea } from '@leaf/entities/willow/area'
import { pathKey } from '@leaf/entities/willow/path'
import { createManualClock } from '../../server/kernel/clock.ts'
import { attack, type Attack, type Rogue } from './rogue.ts'
import {
  areaOf,
  ed25519,
  openStore,
  people,
  put,
  seeded,
  serverName,
  whole,
  write,
  type Written,
} from './world.ts'

const [alice, bob, mallory] = people as readonly [KeyPair, KeyPair, KeyPair]
const secret = text('what bob told nobody, and least of all mallory')

/** A server with entries of all three, that is looked at again when the attack is over. */
async function besieged(options: Partial<Attack>, act: (rogue: Rogue) => Promise<void>) {
  const random = seeded('siege')
  const server = openStore(random)
  const written: Written[] = []
  for (const person of people)
    for (let number = 0; number < 40; number++) written.push(await write(random, person))
  const private1 = await signed(bob, { path: pathOf('private'), timestamp: 50n, payload: secret })
  written.push({ authorised: private1, payload: secret })
  await put(server, written)
  const before = await server.summary(whole)
  const outcome = await attack({ server, random, key: mallory, ...options }, act)
  assert.deepEqual(await server.summary(whole), before, 'the store has changed')
  for (const frame of outcome.said) assert.equal(Buffer.from(frame).indexOf(secret), -1, 'the secret is out')
  return outcome
}

const since = encodeSince({ area: 0, epoch: undefined, arrival: 0, owed: false })

function rangesOf(items: readonly RangeItem[], last = true): Uint8Array {
  const frame = createRangeFrame(0)
  for (const item of items) frame.add(item)
  return frame.finish(last)
}
const everything = { start: new Uint8Array(), end: undefined }

test('nothing is taken before a signature, and no signature but one over this challenge', async () => {
  const early = await besieged({ rude: true }, rogue => rogue.send(since))
  assert.equal(early.told, 'not-authorised')
  const frames: Uint8Array[] = []
  await besieged({ rude: true }, async rogue => {
    const hello = await rogue.hear()
    assert.ok(hello)
    const read = readHello(openFrame(hello.frame).reader)
    assert.ok('challenge' in read)
    frames.push(encodeAuth(await signAuth(ed25519, mallory, read, new Uint8Array(32))))
    rogue.close()
  })
  // The same world, another challenge.
  const random = seeded('another')
  const replayed = await besieged({ rude: true, random }, async rogue => {
    for (const frame of frames) await rogue.send(frame)
  })
  assert.equal(replayed.told, 'not-authorised')
})

test('areas of others are not served: not by their capability, nor by one of one\u2019s own making', async () => {
  const own = {
    namespace,
    capability: communalCapability('write' as const, namespace, mallory.publicKey),
    area: subspaceArea(mallory.publicKey),
  }
  const bare = { namespace, capability: undefined, area: subspaceArea(bob.publicKey) }
  const areas = [areaOf(bob), own, bare]
  const outcome = await besieged({ areas }, async rogue => {
    await rogue.send(encodeSince({ area: 0, epoch: undefined, arrival: 0, owed: true }))
  })
  assert.equal(outcome.told, 'not-authorised')
  const served = outcome.said.map(openFrame).find(({ type }) => type === 'capabilities')
  assert.ok(served)
  assert.deepEqual(readServed(served.reader), [false, false, false])
})

test('payloads of entries that one may not read are answered like those that are not there', async () => {
  const outcome = await besieged({}, async rogue => {
    const { entry } = await signed(bob, { path: pathOf('private'), timestamp: 50n, payload: secret })
    const want = createWantFrame()
    const key = join(bob.publicKey, pathKey(entry.path))
    want.add({ area: 0, key, digest: entry.digest })
    want.add({ area: 63, key, digest: entry.digest })
    want.add({ area: 0, key: join(mallory.publicKey, pathKey(entry.path)), digest: entry.digest })
    await rogue.send(want.finish(false))
    for (let number = 0; number < 3; number++) {
      const chunk = await rogue.hearUntil('payload')
      assert.ok(chunk)
      assert.equal(readChunk(openFrame(chunk.frame).reader).total, undefined)
    }
    rogue.close()
  })
  assert.equal(outcome.why, undefined)
})

test('ranges that lie about what is where bring one\u2019s own entries at most', async () => {
  const random = seeded('lies')
  const outcome = await besieged({}, async rogue => {
    for (let number = 0; number < 20; number++) {
      await rogue.send(rangesOf([{ kind: 'sum', ...everything, fingerprint: random(32), count: 1_000_000 }]))
      await rogue.hearUntil('ranges')
      await rogue.send(rangesOf([{ kind: 'list', ...everything, hashes: [random(16)] }]))
      await rogue.hearUntil('ranges')
      await rogue.send(encodeCredit({ frames: 1, refused: undefined }))
    }
    const bobs = { start: bob.publicKey, end: join(bob.publicKey, Uint8Array.of(255)) }
    await rogue.send(rangesOf([{ kind: 'list', ...bobs, hashes: [] }]))
    await rogue.hearUntil('ranges')
    rogue.close()
  })
  assert.equal(outcome.why, undefined)
})

test('entries that nobody may write end the connection, and are not stored', async () => {
  const { entry, token } = await signed(bob, { path: pathOf('forged'), timestamp: 60n, payload: text('x') })
  const forgeries = [
    { entry: { ...entry, timestamp: 61n }, token },
    { entry, token: { ...token, capability: communalCapability('write', namespace, mallory.publicKey) } },
    { entry, token: { ...token, capability: communalCapability('read', namespace, bob.publicKey) } },
  ]
  for (const authorised of forgeries) {
    const outcome = await besieged({}, async rogue => {
      const frame = createEntryFrame()
      frame.add({ authorised, payload: undefined })
      await rogue.send(frame.finish())
    })
    assert.equal(outcome.told, 'protocol')
  }
  const lie = await besieged({}, async rogue => {
    const frame = createEntryFrame()
    const authorised = await signed(mallory, { path: pathOf('lie'), timestamp: 60n, payload: text('x') })
    frame.add({ authorised, payload: text('y') })
    await rogue.send(frame.finish())
  })
  assert.equal(lie.told, 'protocol')
})

test('frames that cannot be, or not now, end the connection', async () => {
  const random = seeded('frames')
  const range = (start: number, end: number): RangeItem => ({
    kind: 'again',
    start: Uint8Array.of(start),
    end: Uint8Array.of(end),
  })
  const frames: readonly (readonly [name: string, frame: Uint8Array])[] = [
    ['an empty one', new Uint8Array()],
    ['an unknown type', Uint8Array.of(99)],
    ['a second signature', encodeAuth({ key: random(32), nonce: random(32), signature: random(64) })],
    ['areas once more', encodeAreas([areaOf(mallory)])],
    ['a hello', encodeHello({ challenge: random(32), serverKey: random(32), serverName })],
    ['live areas that were not caught up', encodeLive([0])],
    ['credit that is not owed', encodeCredit({ frames: 1, refused: undefined })],
    [
      'a payload that nobody asked for',
      encodeChunk({ digest: random(32), total: 5, offset: 0, bytes: random(5) }),
    ],
    ['a frame that is too long', new Uint8Array(syncLimits.frameBytesMax + 1).fill(frameTypes.payload, 0, 1)],
    ['ranges that overlap', rangesOf([range(5, 9), range(3, 4)])],
    ['a range that ends before it starts', rangesOf([range(9, 5)])],
    ['an area that is not there', encodeSince({ area: 7, epoch: undefined, arrival: 0, owed: false })],
    ...Object.entries(frameTypes)
      .filter(([name]) => name !== 'bye' && name !== 'error')
      .map(
        ([name, type]) =>
          [`a ${name} of noise`, Uint8Array.from([type, ...random(50).map(byte => byte | 0x82)])] as const,
      ),
  ]
  for (const [name, frame] of frames) {
    const outcome = await besieged({}, rogue => rogue.send(frame))
    assert.ok(outcome.why instanceof SyncError, `${name}: ${outcome.why}`)
    assert.ok(outcome.told !== undefined, `${name}: it was not told why`)
  }
})

test('a client that asks and never reads is given up by size, and one that never gives credit by time', async () => {
  const flood = await besieged({}, async rogue => {
    await rogue.send(since)
    for (let number = 0; number < 400; number++)
      await rogue.send(rangesOf([{ kind: 'sum', ...everything, fingerprint: new Uint8Array(32), count: 5 }]))
  })
  assert.ok(flood.why === undefined || flood.why.code === 'protocol', `${flood.why}`)

  const clock = createManualClock()
  const random = seeded('large')
  const server = openStore(random)
  for (let number = 0; number < 40; number++) {
    const payload = random(100_000)
    await put(server, [
      { authorised: await signed(alice, { path: pathOf(`${number}`), timestamp: 1n, payload }), payload },
    ])
  }
  const { entries } = await server.page({ range: whole, limit: 40 })
  const outcome = await attack(
    { server, random, key: alice, serving: { after: clock.after } },
    async rogue => {
      const want = createWantFrame()
      for (const { entry } of entries)
        want.add({ area: 0, key: join(entry.subspace, pathKey(entry.path)), digest: entry.digest })
      await rogue.send(want.finish(false))
      for (let number = 0; number < syncLimits.creditFrames; number++)
        assert.ok(await rogue.hearUntil('payload'))
      // No more comes without credit; then the server loses patience.
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(syncLimits.silenceMs * 2)
    },
  )
  assert.equal(outcome.why?.code, 'unavailable')
  assert.equal(outcome.said.filter(frame => frame[0] === frameTypes.payload).length, syncLimits.creditFrames)
})

test('a client that does not say who it is is given up', async () => {
  const clock = createManualClock()
  const outcome = await besieged({ rude: true, serving: { after: clock.after } }, async rogue => {
    await rogue.hear()
    clock.advance(syncLimits.silenceMs * 2)
  })
  assert.equal(outcome.why?.code, 'unavailable')
})
