import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { systemRandom } from '../random.ts'
import { openBlobDisk } from './blob-disk.ts'
import { blobSuite } from './blob-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-blobs-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let stores = 0
const freshRoot = () => join(folder, String((stores += 1)), 'blobs')

blobSuite('disk', () => openBlobDisk({ root: freshRoot(), random: systemRandom }))

it('what a crash left unfinished is removed at the next start', async () => {
  const root = freshRoot()
  mkdirSync(join(root, 'unfinished'), { recursive: true })
  writeFileSync(join(root, 'unfinished', 'half'), 'half')
  await openBlobDisk({ root, random: systemRandom })
  assert.deepEqual(readdirSync(join(root, 'unfinished')), [])
})

it('blobs are there after a restart', async () => {
  const root = freshRoot()
  const first = await openBlobDisk({ root, random: systemRandom })
  await first.put(
    'a/b',
    (async function* () {
      yield Buffer.from('x')
    })(),
    { bytesMax: 1 },
  )
  const second = await openBlobDisk({ root, random: systemRandom })
  assert.equal((await second.get('a/b'))?.size, 1)
})
