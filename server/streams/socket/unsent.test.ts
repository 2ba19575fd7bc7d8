import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUnsent } from './unsent.ts'

interface Sent {
  readonly data: string
  readonly frame: string | undefined
  readonly taken: () => void
}

function open(engine: { protocol?: number; name?: string } = {}) {
  const sent: Sent[] = []
  const ended = new AbortController()
  const unsent = createUnsent({
    engine: {
      readyState: 'open',
      protocol: engine.protocol ?? 4,
      transport: { name: engine.name ?? 'websocket', supportsBinary: true },
      write: (data, { wsPreEncodedFrame }, taken) => {
        const frame = wsPreEncodedFrame === undefined ? undefined : Buffer.concat(wsPreEncodedFrame)
        sent.push({ data: data.toString(), frame: frame?.toString('hex'), taken })
      },
    },
    unsentBytesMax: 1_000_000,
    cut: () => undefined,
    signal: ended.signal,
  })
  return { unsent, sent, ended }
}

test('packets that are written in one turn leave as one piece of a WebSocket, each a message', async () => {
  const { unsent, sent } = open()
  const gone = [unsent.write(Buffer.from('ab')), unsent.write(Buffer.alloc(200, 1))]
  assert.equal(sent.length, 0)
  await Promise.resolve()
  assert.equal(sent.length, 1)
  assert.equal(sent[0]!.frame, `82026162${'827e00c8'}${'01'.repeat(200)}`)
  sent[0]!.taken()
  assert.deepEqual(await Promise.all(gone), [true, true])
})

test('polling, the protocol before, and what is large get every packet by itself', async () => {
  for (const { unsent, sent } of [open({ name: 'polling' }), open({ protocol: 3 })]) {
    void unsent.write(Buffer.from('a'))
    void unsent.write(Buffer.from('b'))
    unsent.flush()
    assert.deepEqual(
      sent.map(({ data, frame }) => [data, frame]),
      [
        ['a', undefined],
        ['b', undefined],
      ],
    )
  }
  const { unsent, sent } = open()
  void unsent.write(Buffer.alloc(60_000))
  void unsent.write(Buffer.alloc(60_000))
  unsent.flush()
  assert.deepEqual(
    sent.map(({ frame }) => frame),
    [undefined, undefined],
  )
})

test('who waits when the connection ends is told, and nothing is sent any more', async () => {
  const { unsent, sent, ended } = open()
  const gone = unsent.write(Buffer.from('a'))
  ended.abort()
  assert.equal(await gone, false)
  unsent.flush()
  assert.equal(sent.length, 0)
})
