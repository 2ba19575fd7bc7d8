import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createFollow, type Follow, type FollowOptions, type Numbered } from './follow.ts'

/** A log in memory whose reads take a turn of the event loop, as a database's may. */
function createLog(options: Partial<FollowOptions<Numbered>> = {}) {
  const items: Numbered[] = []
  let reads = 0
  const follow = createFollow<Numbered>({
    read: async (after, limit) => {
      reads += 1
      const found = items.filter(item => item.seq > after).slice(0, limit)
      await nextTurn()
      return found
    },
    batchItemsMax: 4,
    tailItemsMax: 8,
    ...options,
  })
  const append = (...seqs: number[]) => {
    for (const seq of seqs) items.push({ seq })
    follow.wake()
  }
  return { follow, append, items, reads: () => reads }
}

/** Follows from `cursor` until `count` items came, or until aborted. */
function collect(follow: Follow<Numbered>, cursor: number, count: number) {
  const controller = new AbortController()
  const seen: Numbered[] = []
  const done = (async () => {
    if (count === 0) return
    for await (const batch of follow.from(cursor, controller.signal)) {
      seen.push(...batch)
      if (seen.length >= count) return
    }
  })()
  return { seen, done, stop: () => controller.abort(), seqs: () => seen.map(item => item.seq) }
}

async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await nextTurn()
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('follow', () => {
  it('replays past the cursor, then goes on live', async () => {
    const { follow, append } = createLog()
    append(...range(1, 10))
    const follower = collect(follow, 3, 9)
    await settle()
    append(11)
    append(12)
    await follower.done
    assert.deepEqual(follower.seqs(), range(4, 12))
  })

  it('reaches a follower whose cursor is far past what is kept in memory', async () => {
    const { follow, append } = createLog()
    append(...range(1, 1000))
    const old = collect(follow, 0, 4)
    await old.done
    const live = collect(follow, 1000, 1)
    await settle()
    append(1001)
    await live.done
    assert.deepEqual(live.seqs(), [1001])
  })

  it('does not lose what is appended while a read is under way', async () => {
    let release: (() => void) | undefined
    const items: Numbered[] = []
    const follow = createFollow<Numbered>({
      read: async after => {
        const found = items.filter(item => item.seq > after)
        await new Promise<void>(resolve => {
          release = resolve
        })
        return found
      },
      batchItemsMax: 4,
      tailItemsMax: 8,
    })
    const first = collect(follow, 0, 1)
    await settle(2)
    // The first read has looked already and found nothing; the second follower joins it after the append.
    items.push({ seq: 1 })
    follow.wake()
    const second = collect(follow, 0, 1)
    for (let turn = 0; turn < 8; turn += 1) {
      release?.()
      await nextTurn()
    }
    await Promise.all([first.done, second.done])
    assert.deepEqual([first.seqs(), second.seqs()], [[1], [1]])
  })

  it('gives followers at one place the same items by one read', async () => {
    const { follow, append, reads } = createLog()
    append(1)
    const followers = range(1, 50).map(() => collect(follow, 1, 2))
    await settle()
    const before = reads()
    append(2, 3)
    await Promise.all(followers.map(follower => follower.done))
    assert.equal(reads() - before, 1)
    assert.ok(followers.every(follower => follower.seen[0] === followers[0]!.seen[0]))
  })

  it('ends one follower without waking the others', async () => {
    const { follow, reads } = createLog()
    const followers = range(1, 20).map(() => collect(follow, 0, 1))
    await settle()
    const before = reads()
    followers[7]!.stop()
    await followers[7]!.done
    await settle()
    assert.equal(reads(), before)
    assert.equal(follow.count(), 19)
    for (const follower of followers) follower.stop()
    await Promise.all(followers.map(follower => follower.done))
    assert.equal(follow.count(), 0)
  })

  it('ends everybody when it is closed', async () => {
    const { follow } = createLog()
    const followers = range(1, 3).map(cursor => collect(follow, cursor, 1))
    await settle()
    follow.close()
    await Promise.all(followers.map(follower => follower.done))
    assert.deepEqual(
      followers.flatMap(follower => follower.seqs()),
      [],
    )
  })

  it('tells each follower when the log cannot be read', async () => {
    const { follow } = createLog({ read: async () => Promise.reject(new Error('disk on fire')) })
    const followers = range(1, 2).map(() => collect(follow, 0, 1))
    for (const follower of followers) await assert.rejects(follower.done, /disk on fire/)
  })

  it('keeps batches from memory within their bytes, and one large item by itself', async () => {
    const sizes = new Map([
      [1, 10],
      [2, 90],
      [3, 500],
      [4, 20],
      [5, 20],
    ])
    const { follow, append } = createLog({
      bytesOf: item => sizes.get(item.seq) ?? 0,
      batchBytesMax: 100,
      batchItemsMax: 10,
    })
    append(...sizes.keys())
    const controller = new AbortController()
    const batches: number[][] = []
    for await (const batch of follow.from(0, controller.signal)) {
      batches.push(batch.map(item => item.seq))
      if (batch.at(-1)?.seq === 5) controller.abort()
    }
    assert.deepEqual(batches, [[1, 2], [3], [4, 5]])
  })

  it('reads what is no longer in memory once for all who are behind alike', async () => {
    const { follow, append, reads } = createLog({ bytesOf: () => 40, tailBytesMax: 100, tailItemsMax: 100 })
    append(...range(1, 12))
    const first = collect(follow, 8, 4) // items 9 and 10 leave the memory again
    await first.done
    const before = reads()
    const others = [0, 0, 1, 2].map(cursor => collect(follow, cursor, 12 - cursor))
    await Promise.all(others.map(other => other.done))
    assert.deepEqual(
      others.map(other => other.seqs()),
      [range(1, 12), range(1, 12), range(2, 12), range(3, 12)],
    )
    assert.ok(reads() - before <= 3, `${reads() - before} reads`)
  })

  it('gives every follower exactly the items past its cursor, in order, whenever it joins', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        gaps: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }),
      }),
      fc.record({ kind: fc.constant('join' as const), back: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }),
      fc.record({ kind: fc.constant('turns' as const), turns: fc.integer({ min: 0, max: 4 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, paced) => {
        const log = createLog(paced ? { turn: () => nextTurn() } : {})
        const followers: { cursor: number; follower: ReturnType<typeof collect>; left: boolean }[] = []
        let head = 0
        for (const action of steps) {
          if (action.kind === 'append') log.append(...action.gaps.map(gap => (head += gap)))
          if (action.kind === 'join') {
            const cursor = Math.max(0, head - action.back)
            followers.push({
              cursor,
              follower: collect(log.follow, cursor, Number.MAX_SAFE_INTEGER),
              left: false,
            })
          }
          if (action.kind === 'leave' && followers.length > 0) {
            const one = followers[action.which % followers.length]!
            one.left = true
            one.follower.stop()
          }
          if (action.kind === 'turns') await settle(action.turns)
        }
        await settle(60)
        log.follow.close()
        for (const { cursor, follower, left } of followers) {
          await follower.done
          const expected = log.items.filter(item => item.seq > cursor).map(item => item.seq)
          assert.deepEqual(follower.seqs(), left ? expected.slice(0, follower.seen.length) : expected)
        }
      }),
      { numRuns: 150 },
    )
  })
})
