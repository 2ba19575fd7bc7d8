import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createMemoryStore } from './memory-store.ts'
import { openFileStore } from './node/file-store.ts'
import { storeSuite } from './store-suite.ts'

async function folder(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'leaf-skrepka-store-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

storeSuite('memory', async () => ({ store: createMemoryStore(), reopen: undefined }))
storeSuite('file', async t => {
  const path = join(await folder(t), 'store')
  const store = await openFileStore(path)
  t.after(() => store.close().catch(() => undefined))
  return {
    store,
    reopen: async () => {
      await store.close()
      const again = await openFileStore(path)
      t.after(() => again.close())
      return again
    },
  }
})

test('a file whose last line was cut anywhere has everything before that line, and nothing of it', async t => {
  const path = join(await folder(t), 'store')
  const store = await openFileStore(path)
  await store.write([{ collection: 'a', key: '1', value: 'one' }])
  const { size: before } = await stat(path)
  await store.write([
    { collection: 'a', key: '2', value: 'two' },
    { collection: 'a', key: '3', value: 'three' },
  ])
  await store.close()
  const whole = await readFile(path)
  for (let size = before; size < whole.length; size += 7) {
    await writeFile(path, whole)
    await truncate(path, size)
    const again = await openFileStore(path)
    assert.deepEqual(await again.list('a', { limit: 9 }), [{ key: '1', value: 'one' }], `cut at ${size}`)
    // What is written now must not be behind the broken line.
    await again.write([{ collection: 'a', key: '4', value: 'four' }])
    await again.close()
    const third = await openFileStore(path)
    assert.equal((await third.list('a', { limit: 9 })).length, 2)
    await third.close()
  }
})

test('a file does not grow without end', async t => {
  const path = join(await folder(t), 'store')
  const store = await openFileStore(path)
  for (let at = 0; at < 1100; at += 1)
    await store.write([{ collection: 'a', key: 'same', value: 'x'.repeat(100) }])
  assert.ok((await stat(path)).size < 100_000)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(await store.get('a', 'same'), 'x'.repeat(100))
  await store.close()
})

test('a file of another kind is left alone', async t => {
  const path = join(await folder(t), 'letter.txt')
  await writeFile(path, 'Dear Ana')
  await assert.rejects(openFileStore(path), { code: 'storage' })
  assert.equal(await readFile(path, 'utf8'), 'Dear Ana')
  await appendFile(path, '')
})
