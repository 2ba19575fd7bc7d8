import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readEnvironment } from './env-file.ts'

test('what the environment sets wins over the file, and an empty variable sets nothing', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-env-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'leaf.env')
  await writeFile(
    file,
    '# a comment\nPDS_PORT=4000\nPUBLIC_URL="https://leaf.example"\nLEAF_DATA_DIR=/file\n',
  )
  const env = await readEnvironment({ PDS_PORT: '5000', LEAF_DATA_DIR: '', HOME: '/root' }, file)
  assert.deepEqual(env, {
    PDS_PORT: '5000',
    PUBLIC_URL: 'https://leaf.example',
    LEAF_DATA_DIR: '/file',
    HOME: '/root',
  })
})

test('a file that was asked for must be there', async () => {
  await assert.rejects(
    readEnvironment({}, '/nowhere/leaf.env'),
    /the settings in \/nowhere\/leaf\.env were asked for, but there is no such file/,
  )
})
