import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { Decoder, Encoder } from 'socket.io-msgpack-parser'
import { WebSocket } from 'ws'
import { call, openTestDoor, type TestDoor } from '../test-door.ts'
import { streamDid } from './test-streams.ts'

const encode = (value: unknown): Buffer => (new Encoder().encode(value) as any)[0]
const connectPacket = encode({ type: 0, nsp: '/', data: {} })

/** A client that sends what it likes. Resolves when the server is ready for its first packet. */
async function rawClient({ url }: TestDoor, query = 'EIO=4&transport=websocket'): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?${query}`)
  socket.on('error', () => undefined)
  await once(socket, 'message')
  return socket
}

async function withDoor(
  options: Parameters<typeof openTestDoor>[0],
  work: (house: TestDoor) => Promise<void>,
) {
  const house = await openTestDoor(options)
  try {
    await work(house)
    // Whatever was done to it, it serves the next one.
    const client = await house.connect(house.alice.token())
    assert.ok((await call(client, 'stream/info', { streamDid })).ok)
  } finally {
    await house.stop()
  }
}

test('frames that are no packets end the connection, and nothing else', async () => {
  await withDoor({}, async house => {
    const frames: (Buffer | string)[] = [
      'text',
      '4{"type":2}',
      Buffer.alloc(0),
      Buffer.of(0xc1),
      Buffer.from('ddffffffff', 'hex'),
      Buffer.alloc(60_000, 0x91),
      encode({ type: 2, nsp: '/', data: ['disconnect'] }),
      encode({ type: 2, nsp: '/', data: ['stream/info'], id: -1 }),
      encode({ type: 0, nsp: '/admin', data: {} }),
    ]
    for (const frame of frames) {
      const socket = await rawClient(house)
      socket.send(frame)
      await once(socket, 'close')
    }
  })
})

test('an event before the client has connected ends the connection', async () => {
  await withDoor({}, async house => {
    const socket = await rawClient(house)
    socket.send(
      encode({ type: 2, nsp: '/', id: 0, data: ['stream/info', Buffer.from(encodeDrisl({ streamDid }))] }),
    )
    await once(socket, 'close')
    assert.deepEqual(house.streams.calls, [])
  })
})

test('before it has connected, and while it is nobody, a client sends small messages only', async () => {
  await withDoor({}, async house => {
    // Well-formed, so that nothing but their size is wrong with them.
    const padding = Object.fromEntries([1, 2, 3, 4].map(key => [key, 'x'.repeat(60_000)]))
    const stranger = await rawClient(house)
    stranger.send(encode({ type: 0, nsp: '/', data: padding }))
    await once(stranger, 'close')
    const large = encode({ type: 2, nsp: '/', id: 0, data: ['stream/info', Buffer.alloc(2 * 1024 * 1024)] })
    const nobody = await rawClient(house)
    nobody.send(connectPacket)
    await once(nobody, 'message')
    nobody.send(large)
    await once(nobody, 'close')
    const client = await house.connect(house.alice.token())
    const reply = await call(client, 'stream/info', new Uint8Array(2 * 1024 * 1024))
    assert.ok(!reply.ok)
  })
})

test('connections of one address are bounded, and places are given back', async () => {
  await withDoor({ settings: { connectionsPerAddressMax: 3 } }, async house => {
    const sockets = await Promise.all([rawClient(house), rawClient(house), rawClient(house)])
    const turnedAway = await fetch(`${house.url}/socket.io/?EIO=4&transport=polling`)
    assert.equal(turnedAway.status, 429)
    const refused = new WebSocket(`${house.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    const [error] = await once(refused, 'error')
    assert.match(String(error), /429/)
    for (const socket of sockets) socket.terminate()
    while (house.door.counts().connections > 0) await new Promise(setImmediate)
  })
})

test('bad handshakes take no place', async () => {
  await withDoor({ settings: { connectionsPerAddressMax: 2 } }, async house => {
    for (const query of ['', 'EIO=4', 'EIO=4&transport=polling&sid=unknown', 'EIO=9&transport=x'])
      for (let attempt = 0; attempt < 3; attempt += 1)
        await (await fetch(`${house.url}/socket.io/?${query}`)).text()
    await new Promise(setImmediate)
  })
})

test('bytes that one address has under way are bounded, and more waits', async () => {
  await withDoor({ settings: { inFlightBytesPerAddressMax: 1024 * 1024 } }, async house => {
    const client = await house.connect(house.alice.token())
    const { promise, resolve } = Promise.withResolvers<void>()
    house.streams.hold = promise
    const events = [new Uint8Array(300 * 1024)]
    const replies = Array.from({ length: 8 }, () => call(client, 'stream/event_batch', { streamDid, events }))
    while (house.door.counts().held < 1024 * 1024) await new Promise(setImmediate)
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    // One chunk of the line is here already when the bound is seen.
    assert.ok(house.door.counts().held <= 1024 * 1024 + 64 * 1024)
    assert.ok(house.streams.calls.length <= 3)
    resolve()
    for (const reply of await Promise.all(replies)) assert.ok(reply.ok)
  })
})

test('a posted body is held against the bounds before it is read', async () => {
  await withDoor({}, async house => {
    const base = `${house.url}/socket.io/?EIO=4&transport=polling`
    const open = await (await fetch(base)).text()
    const { sid } = JSON.parse(open.slice(1))
    const large = await fetch(`${base}&sid=${sid}`, { method: 'POST', body: 'x'.repeat(300_000) })
    assert.equal(large.status, 413)
  })
})

test('clients of protocol 3 are served', async () => {
  await withDoor({}, async house => {
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket`)
    const packets: Record<string, unknown>[] = []
    const decoder = new Decoder()
    decoder.on('decoded', (packet: Record<string, unknown>) => packets.push(packet))
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) return
      // There a byte says that a message follows.
      decoder.add(data.subarray(1))
      const last = packets.at(-1)
      if (last?.['type'] === 2) {
        const ask = encode({
          type: 2,
          nsp: '/',
          id: 7,
          data: ['stream/info', Buffer.from(encodeDrisl({ streamDid }))],
        })
        socket.send(Buffer.concat([Buffer.of(4), ask]))
      }
      if (last?.['type'] === 3) resolve()
    })
    await promise
    assert.deepEqual(
      packets.map(({ type }) => type),
      [0, 2, 3],
    )
    assert.deepEqual(packets[1]?.['data'], ['authenticated', { did: null }])
    assert.equal(packets[2]?.['id'], 7)
    socket.terminate()
  })
})

test('any origin may connect, and CORS is for /socket.io and for reading alone', async () => {
  await withDoor({}, async ({ url }) => {
    const origin = { headers: { origin: 'https://app.example.com' } }
    const open = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, origin)
    assert.equal(open.headers.get('access-control-allow-origin'), '*')
    const asked = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { ...origin, method: 'OPTIONS' })
    assert.equal(asked.status, 204)
  })
})
