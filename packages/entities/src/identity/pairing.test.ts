import assert from 'node:assert/strict'
import { test } from 'node:test'
import { x25519 } from '@noble/curves/ed25519.js'
import { device } from '../api/test-leaf.ts'
import { LeafError } from '../api/errors.ts'
import { communalNamespace, subspaceOf } from '../api/place.ts'
import { Name } from '../leaf/well-known.ts'
import { joinAsNewDevice, helpNewDevice, newRoom, type PairingOptions, readRoom } from './pairing.ts'
import { memoryRendezvous, type Rendezvous } from './rendezvous.ts'
import { becomeSecondDevice, helpSecondDevice } from './second-device.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const isPairing = (error: unknown) => error instanceof LeafError && error.code === 'Pairing'

test('a second device writes into the person\u2019s subspace and reads what was encrypted for her', async t => {
  const [laptop, phone] = [await device(t), await device(t)]
  const rendezvous = memoryRendezvous()
  const numbers: string[] = []
  const confirm = async (number: string) => numbers.push(number) > 0
  const signal = AbortSignal.timeout(10_000)
  const code = Promise.withResolvers<string>()
  const [{ subspace }, { device: paired }] = await Promise.all([
    becomeSecondDevice(phone.leaf, phone.me, { rendezvous, random, confirm, signal, onCode: code.resolve }),
    code.promise.then(typed =>
      helpSecondDevice(laptop.leaf, laptop.me, {
        rendezvous,
        random,
        confirm,
        signal,
        code: typed.toLowerCase(),
        namespaces: [communalNamespace],
      }),
    ),
  ])
  assert.deepEqual(paired, phone.me.publicKey)
  assert.deepEqual(subspace, laptop.me.publicKey)
  assert.equal(numbers.length, 2)
  assert.match(numbers[0] ?? '', /^\d{8}$/)
  assert.equal(numbers[0], numbers[1])
  const space = phone.leaf.space({ as: phone.me, subspace })
  await space.at('x').edit(draft => draft.set(Name, 'mine', { for: laptop.me.encryptionKey }))
  assert.equal(await space.at('x').get(Name), 'mine')
  assert.equal((await phone.leaf.space().at(subspaceOf(laptop.me.publicKey), 'x').state()).kind, 'ready')
})

interface Side {
  readonly numbers: string[]
  readonly options: PairingOptions
}

function side(rendezvous: Rendezvous, identity: Uint8Array, agrees: boolean, signal: AbortSignal): Side {
  const numbers: string[] = []
  const confirm = async (number: string) => {
    numbers.push(number)
    return agrees
  }
  return { numbers, options: { rendezvous, random, identity, confirm, signal } }
}

test('when the person says that the numbers differ, nothing is given', async () => {
  const [rendezvous, ending] = [memoryRendezvous(), new AbortController()]
  const room = newRoom(random)
  let gave = false
  const joining = joinAsNewDevice(room, side(rendezvous, random(32), true, ending.signal).options)
  const helping = helpNewDevice(room, {
    ...side(rendezvous, random(32), false, ending.signal).options,
    give: async () => {
      gave = true
      return { capabilities: [], keys: [] }
    },
  })
  await assert.rejects(helping, isPairing)
  ending.abort()
  await assert.rejects(joining)
  assert.equal(gave, false)
})

test('whoever stands between with keys of her own makes the numbers differ', async () => {
  const [near, far, ending] = [memoryRendezvous(), memoryRendezvous(), new AbortController()]
  const { signal } = ending
  const room = newRoom(random)
  const young = side(near, random(32), false, signal)
  const old = side(far, random(32), false, signal)
  const mallory = random(32)
  // To each of them she is the other one.
  const toYoung = side(near, mallory, true, signal)
  const toOld = side(far, mallory, true, signal)
  const give = async () => ({ capabilities: [], keys: [] })
  const all = [
    joinAsNewDevice(room, young.options),
    helpNewDevice(room, { ...old.options, give }),
    helpNewDevice(room, { ...toYoung.options, give }),
    joinAsNewDevice(room, toOld.options),
  ]
  await assert.rejects(all[0] as Promise<unknown>, isPairing)
  await assert.rejects(all[1] as Promise<unknown>, isPairing)
  ending.abort()
  await Promise.allSettled(all)
  assert.equal(young.numbers.length, 1)
  assert.notEqual(young.numbers[0], old.numbers[0])
})

test('a device that reveals other keys than it is bound to is refused before any number is shown', async () => {
  const [rendezvous, ending] = [memoryRendezvous(), new AbortController()]
  const room = newRoom(random)
  const changing: Rendezvous = {
    ...rendezvous,
    post: (name, slot, message) => {
      const changed = message.slice()
      // The last byte is one of the nonce with which the number would be chosen.
      if (slot === 'reveal') changed[95] = (changed[95] ?? 0) ^ 1
      return rendezvous.post(name, slot, changed)
    },
  }
  const young = side(changing, random(32), true, ending.signal)
  const old = side(rendezvous, random(32), true, ending.signal)
  const joining = joinAsNewDevice(room, young.options)
  await assert.rejects(
    helpNewDevice(room, { ...old.options, give: async () => ({ capabilities: [], keys: [] }) }),
    isPairing,
  )
  ending.abort()
  await assert.rejects(joining)
  assert.deepEqual(old.numbers, [])
})

test('a gift that was changed on its way is refused', async () => {
  const [rendezvous, ending] = [memoryRendezvous(), new AbortController()]
  const room = newRoom(random)
  const changing: Rendezvous = {
    ...rendezvous,
    post: (name, slot, message) =>
      rendezvous.post(
        name,
        slot,
        slot === 'gift' ? message.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) : message,
      ),
  }
  const joining = joinAsNewDevice(room, side(rendezvous, random(32), true, ending.signal).options)
  await helpNewDevice(room, {
    ...side(changing, random(32), true, ending.signal).options,
    give: async () => ({ capabilities: [], keys: [random(32)] }),
  })
  await assert.rejects(joining, isPairing)
})

test('a key of small order is not agreed with', async () => {
  const [rendezvous, ending] = [memoryRendezvous(), new AbortController()]
  const room = newRoom(random)
  const joining = joinAsNewDevice(room, side(rendezvous, random(32), true, ending.signal).options)
  await rendezvous.take(room, 'commit', ending.signal)
  await rendezvous.post(room, 'offer', new Uint8Array(96))
  await assert.rejects(joining, isPairing)
  assert.throws(() => x25519.getSharedSecret(random(32), new Uint8Array(32)))
})

test('a code is read however it is typed, and nothing else is', () => {
  assert.equal(readRoom(' abcd-2345 '), 'ABCD2345')
  for (const odd of ['', 'ABCD-234', 'ABCD-2340', 'ABCD-234O']) assert.throws(() => readRoom(odd), isPairing)
  assert.match(newRoom(random), /^[2-9A-HJKMNP-TV-Z]{8}$/)
})
