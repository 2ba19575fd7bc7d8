import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ask, login, person, startTestRelay, type TestRelay, until } from '../test-relay.ts'

/** What a client and its senders do, one after the other. */
type Step =
  | { readonly kind: 'send'; readonly blob: number }
  | {
      readonly kind: 'poll'
      readonly cursor: 'last' | 'zero' | 'earlier' | 'future'
      readonly isLost: boolean
    }
  | { readonly kind: 'foreign'; readonly offset: number; readonly isLost: boolean }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('send' as const), blob: fc.integer({ min: 0, max: 40 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('poll' as const),
      cursor: fc.constantFrom(
        'last' as const,
        'last' as const,
        'zero' as const,
        'earlier' as const,
        'future' as const,
      ),
      isLost: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('foreign' as const),
      offset: fc.integer({ min: -3000, max: 3000 }),
      isLost: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 900 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
)

const blobOf = (number: number) => `${(number + 16).toString(16)}`.repeat(4)

/** A client that remembers what it was shown, and what it must never lose. */
async function play(one: TestRelay, steps: readonly Step[]): Promise<void> {
  let { relay } = one
  const { clock } = one
  const [a, b] = [await login(relay, person(1)), await login(relay, person(2))]
  const order: string[] = []
  /** Shown with this cursor or before, in answers that arrived. */
  let shown = new Map<number, Set<string>>()
  const mayBeGone = new Set<string>()
  const gone = new Set<string>()
  let last = 0
  let earlier = 0

  const poll = async (cursor: number) => {
    const answer = ask(relay, '/poll', { token: b, body: { cursor } })
    let isDone = false
    void answer.finally(() => {
      isDone = true
    })
    await until(() => {
      clock.advance(0)
      return isDone
    })
    const { json, status } = await answer
    assert.equal(status, 200)
    return { cursor: json.cursor, blobs: json.events.map(event => event.encryptedBlob) }
  }
  const check = (cursor: number, page: Awaited<ReturnType<typeof poll>>) => {
    const places = page.blobs.map(blob => order.indexOf(blob))
    assert.deepEqual(
      places,
      places.toSorted((x, y) => x - y),
      'a page is in the order of arrival',
    )
    assert.equal(new Set(page.blobs).size, page.blobs.length)
    for (const blob of page.blobs) assert.ok(!gone.has(blob), `${blob} was acknowledged and came again`)
    const hidden = order.filter(blob => !mayBeGone.has(blob) && !(shown.get(cursor)?.has(blob) ?? false))
    if (page.blobs.length === 0) assert.deepEqual(hidden, [], 'an empty page hides nothing unseen')
    if (page.blobs.length > 0 && cursor <= clock.now()) assert.ok(page.cursor > cursor, 'cursors rise')
  }
  const receive = (page: Awaited<ReturnType<typeof poll>>) => {
    const before = shown.get(last) ?? new Set<string>()
    shown.set(page.cursor, new Set([...before, ...page.blobs]))
    earlier = last
    last = page.cursor
  }

  for (const action of steps) {
    if (action.kind === 'send') {
      const blob = blobOf(action.blob)
      const body = { messages: [{ to: person(2).key, encryptedBlob: blob }] }
      assert.equal((await ask(relay, '/messages', { token: a, body })).status, 200)
      if (!order.includes(blob)) order.push(blob)
    } else if (action.kind === 'time') clock.advance(action.ms)
    else if (action.kind === 'restart') relay = await one.again()
    else if (action.kind === 'poll') {
      const cursor = { last, zero: 0, earlier, future: clock.now() + 10_000_000 }[action.cursor]
      // What the client had when it gave a cursor that we had given, it may lose.
      const had = shown.get(cursor)
      for (const blob of had ?? []) mayBeGone.add(blob)
      const page = await poll(cursor)
      if (action.cursor === 'last') {
        for (const blob of had ?? []) if (!page.blobs.includes(blob)) gone.add(blob)
      }
      check(cursor, page)
      if (!action.isLost) receive(page)
    } else {
      const cursor = Math.max(0, last + action.offset)
      if (shown.has(cursor)) continue
      const page = await poll(cursor)
      check(cursor, page)
      // It has a cursor of this mailbox again, but not with what it was shown before.
      if (!action.isLost) {
        shown = new Map([[page.cursor, new Set([...(shown.get(last) ?? []), ...page.blobs])]])
        last = page.cursor
        earlier = 0
      }
    }
  }

  const left = new Set<string>()
  for (let cursor = 0; ; ) {
    const page = await poll(cursor)
    if (page.blobs.length === 0) break
    for (const blob of page.blobs) left.add(blob)
    cursor = page.cursor
  }
  for (const blob of order) {
    assert.ok(left.has(blob) || mayBeGone.has(blob), `${blob} was answered 200 and is gone unseen`)
    assert.ok(!(left.has(blob) && gone.has(blob)), `${blob} was acknowledged and came again`)
  }
}

describe('a mailbox', () => {
  it('whatever is sent, polled, lost and restarted: nothing unseen is gone, nothing acknowledged returns', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const one = await startTestRelay({
          settings: { pollTimeoutMs: 0, pollRateLimit: 0, sendRateLimit: 0, maxPollEvents: 3 },
        })
        try {
          await play(one, steps)
        } finally {
          await one.stop()
        }
      }),
      { numRuns: Number(process.env['LEAF_PROPERTY_RUNS'] ?? 60) },
    )
  })
})
