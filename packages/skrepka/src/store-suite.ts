/** What every store must do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orderedNumber, prefixRange, type Store } from './store.ts'

export interface StoreHarness {
  readonly store: Store
  /** Closes the store and opens it on the same data; undefined where nothing outlives the process. */
  readonly reopen: (() => Promise<Store>) | undefined
}

export function storeSuite(
  name: string,
  open: (t: { after(fn: () => Promise<void>): void }) => Promise<StoreHarness>,
): void {
  const value = {
    text: 'привет',
    bytes: Uint8Array.of(0, 1, 255),
    list: [1, { deep: Uint8Array.of(7) }],
    yes: true,
    none: null,
  }

  test(`${name}: what was written is read, bytes and all`, async t => {
    const { store } = await open(t)
    await store.write([{ collection: 'a', key: 'k', value }])
    assert.deepEqual(await store.get('a', 'k'), value)
    assert.equal(await store.get('b', 'k'), undefined)
    assert.equal(await store.get('a', 'other'), undefined)
  })

  test(`${name}: what is given is a copy`, async t => {
    const { store } = await open(t)
    const own = { list: [1] }
    await store.write([{ collection: 'a', key: 'k', value: own }])
    own.list.push(2)
    const read = (await store.get('a', 'k')) as typeof own
    assert.deepEqual(read, { list: [1] })
    read.list.push(3)
    assert.deepEqual(await store.get('a', 'k'), { list: [1] })
  })

  test(`${name}: the last change of a key wins, and undefined removes`, async t => {
    const { store } = await open(t)
    await store.write([
      { collection: 'a', key: 'k', value: 1 },
      { collection: 'a', key: 'k', value: 2 },
      { collection: 'a', key: 'gone', value: 1 },
    ])
    await store.write([{ collection: 'a', key: 'gone', value: undefined }])
    assert.deepEqual(await store.list('a', { limit: 9 }), [{ key: 'k', value: 2 }])
  })

  test(`${name}: ranges leave out their ends, in both directions, up to the limit`, async t => {
    const { store } = await open(t)
    const numbers = [5, 40, 300, 2, 1000]
    await store.write(numbers.map(number => ({ collection: 'n', key: orderedNumber(number), value: number })))
    await store.write([
      { collection: 'm', key: 'x', value: 0 },
      { collection: 'o', key: 'x', value: 0 },
    ])
    const list = async (range: Parameters<Store['list']>[1]) =>
      (await store.list('n', range)).map(item => item.value)
    assert.deepEqual(await list({ limit: 9 }), [2, 5, 40, 300, 1000])
    assert.deepEqual(await list({ limit: 2 }), [2, 5])
    assert.deepEqual(await list({ limit: 2, reverse: true }), [1000, 300])
    assert.deepEqual(
      await list({ limit: 9, after: orderedNumber(5), before: orderedNumber(1000) }),
      [40, 300],
    )
    assert.deepEqual(
      await list({ limit: 1, after: orderedNumber(2), before: orderedNumber(300), reverse: true }),
      [40],
    )
    assert.deepEqual(await list({ limit: 9, after: orderedNumber(1000) }), [])
  })

  test(`${name}: a prefix finds its own keys only`, async t => {
    const { store } = await open(t)
    await store.write(
      ['ab', 'ab/1', 'ab/2', 'abc/1', 'b/1'].map(key => ({ collection: 'p', key, value: key })),
    )
    const found = await store.list('p', { ...prefixRange('ab/'), limit: 9 })
    assert.deepEqual(
      found.map(({ key }) => key),
      ['ab/1', 'ab/2'],
    )
  })

  test(`${name}: what was written is there after opening again`, async t => {
    const { store, reopen } = await open(t)
    if (reopen === undefined) return t.skip('nothing outlives the process here')
    await store.write([
      { collection: 'a', key: 'k', value },
      { collection: 'a', key: 'l', value: 1 },
    ])
    await store.write([{ collection: 'a', key: 'l', value: undefined }])
    const again = await reopen()
    assert.deepEqual(await again.list('a', { limit: 9 }), [{ key: 'k', value }])
  })
}
