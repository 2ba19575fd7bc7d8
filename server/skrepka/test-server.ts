/**
 * A relay on a port of its own, for tests that kill it: `node test-server.ts <folder>`. Tells its port as the first line.
 */
import { join } from 'node:path'
import process from 'node:process'
import { systemClock } from '../kernel/clock.ts'
import { readSettings } from '../kernel/config.ts'
import { Refusal } from '../kernel/errors.ts'
import { silentLogger } from '../kernel/log.ts'
import { noMetrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import { startServer } from '../kernel/http/test-server.ts'
import { openBlobDisk } from '../kernel/storage/blob-disk.ts'
import { openSqlite } from '../kernel/storage/sqlite.ts'
import { skrepkaSettings } from './config.ts'
import { createSkrepka } from './index.ts'

const folder = process.argv[2] ?? ''
const clock = systemClock
const database = await openSqlite({ path: join(folder, 'leaf.db'), clock })
const skrepka = await createSkrepka({
  settings: readSettings(skrepkaSettings, process.env, 'development', []),
  publicUrl: 'http://localhost',
  database,
  blobs: await openBlobDisk({ root: join(folder, 'blobs'), random: systemRandom }),
  clock,
  random: systemRandom,
  log: silentLogger,
  metrics: noMetrics,
  callPeer: async () => {
    throw new Refusal('upstream', 'nobody is there')
  },
})
const server = await startServer(skrepka.ownRoutes)
await skrepka.system.start()
process.stdout.write(`${server.port}\n`)
process.on('SIGTERM', () => {
  const stop = async () => {
    await skrepka.system.stop(1000)
    await server.stop()
    await database.close()
    process.exit(0)
  }
  void stop()
})
