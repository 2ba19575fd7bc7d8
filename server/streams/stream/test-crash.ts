/**
 * A process that appends until it is killed, for `crash.test.ts`. Arguments: the folder, and how many writers. Says a
 * line for everything that was answered: `event <stream> <firstIdx> <batch> <size>`, `state <stream> <entry>`.
 */
import { join } from 'node:path'
import process from 'node:process'
import { systemClock } from '../../kernel/clock.ts'
import { createSealer } from '../../kernel/keys.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import { systemRandom } from '../../kernel/random.ts'
import { createPlcDirectory } from '../../kernel/identity/plc-directory.ts'
import { createPlcClient } from '../../kernel/identity/plc-client.ts'
import { createOperatorFetch } from '../../kernel/fetch.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { streamsLimitsDefault } from './dependencies.ts'
import { createStreamsEngine, migrateStreams } from './engine.ts'
import { createHostSources } from './sources.ts'
import { alice, bytes } from './test-house.ts'
import { createRealHosts, diaryModule } from './test-real-hosts.ts'

const [folder = '', writers = '4'] = process.argv.slice(2)
const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock })
await migrateStreams(database)
const directory = createPlcDirectory({ database, clock: systemClock, log: silentLogger, version: '0' })
const plcUrl = await directory.start({ port: 0 })
const engine = createStreamsEngine({
  settings: {
    endpoint: 'http://localhost:3334',
    openCreation: true,
    allow: [],
    block: [],
    moduleAdmins: [],
    limits: streamsLimitsDefault,
  },
  database,
  hosts: createRealHosts(createHostSources(database), join(folder, 'streams')),
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  metrics: noMetrics,
  plc: createPlcClient({ url: () => plcUrl, fetch: createOperatorFetch() }),
  sealer: createSealer('a sealing secret of 32 characters'),
  isMember: async () => false,
})
await engine.start()

const streamsWanted = 3
let streams = await engine.list({ limit: streamsWanted })
if (streams.length < streamsWanted) {
  const { cid } = await engine.uploadModule(alice, diaryModule())
  for (let made = streams.length; made < streamsWanted; made += 1) {
    await engine.create({ caller: alice, moduleCid: cid, clientStamp: null })
  }
  streams = await engine.list({ limit: streamsWanted })
}

/** Every batch has a name of its own, and each of its events says which of how many it is. */
const run = process.hrtime.bigint().toString(36)
async function write(writer: number): Promise<never> {
  for (let round = 0; ; round += 1) {
    const stream = streams[(writer + round) % streams.length]?.did ?? ''
    const name = `${run}-${writer}-${round}`
    if (round % 5 === 4) {
      await engine.appendState({ stream, caller: alice, events: [bytes(name)] })
      process.stdout.write(`state ${stream} ${name}\n`)
      continue
    }
    const size = 1 + (round % 4)
    const events = Array.from({ length: size }, (_, at) => bytes(`${name} ${at} ${size}`))
    const { firstIdx } = await engine.append({ stream, caller: alice, events, batchId: name })
    process.stdout.write(`event ${stream} ${firstIdx} ${name} ${size}\n`)
  }
}

await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(writer)))
