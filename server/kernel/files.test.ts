import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { diskFolders, fileExists, fileIdentity, makeFolder, moveFile, namesIn, removeFile } from './files.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'leaf-files-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a file that took the place of another has another identity', t => {
  const path = join(folder(t), 'a')
  assert.equal(fileIdentity(path), undefined)
  writeFileSync(path, 'one')
  const first = fileIdentity(path)
  writeFileSync(`${path}-new`, 'two')
  moveFile(`${path}-new`, path)
  assert.notEqual(fileIdentity(path), first)
  removeFile(path)
  removeFile(path)
  assert.equal(fileExists(path), false)
})

test('folders are made for this user alone, and one that is not there has no names', t => {
  const path = join(folder(t), 'a', 'b')
  assert.deepEqual(namesIn(path), [])
  makeFolder(path)
  assert.equal(statSync(path).mode & 0o077, 0)
  assert.deepEqual(namesIn(path), [])
})

test('what is written durably is there whole, with nothing beside it', async t => {
  const path = join(folder(t), 'stream', 'state.db')
  assert.equal(await diskFolders.read(path), undefined)
  await diskFolders.writeDurably(path, new Uint8Array([1, 2, 3]))
  await diskFolders.writeDurably(path, new Uint8Array([4]))
  assert.deepEqual([...((await diskFolders.read(path)) ?? [])], [4])
  assert.deepEqual(readdirSync(join(path, '..')), ['state.db'])
  await diskFolders.remove(join(path, '..'))
  await diskFolders.remove(join(path, '..'))
  assert.equal(fileExists(path), false)
})
