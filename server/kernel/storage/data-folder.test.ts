import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartFault } from '../lifecycle.ts'
import { openDataFolder } from './data-folder.ts'

test('a data folder is one Leaf’s at a time, and the next one’s once it was closed', () => {
  const path = mkdtempSync(join(tmpdir(), 'leaf-folder-'))
  try {
    const first = openDataFolder(path)
    assert.throws(
      () => openDataFolder(path),
      (error: unknown) =>
        error instanceof StartFault &&
        error.message.startsWith(`another Leaf (process ${process.pid}) runs on the data folder`),
    )
    first.close()
    openDataFolder(path).close()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})

test('a data folder that is a file is told as a sentence that names the setting', () => {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-folder-'))
  const path = join(folder, 'file')
  writeFileSync(path, '')
  try {
    assert.throws(
      () => openDataFolder(path),
      (error: unknown) => error instanceof StartFault && /LEAF_DATA_DIR names another/.test(error.message),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
