/**
 * How fast hosts work, without a house around them: building the tables of the community module from a log, appending
 * batches (prepare and commit, no log to wait for), and queries. One stream, one host.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { cidText, linkTo } from '@leaf/codec/drisl'
import { generateCommunity } from '../../examples/community/generate.ts'
import { community } from '../../examples/community/module.ts'
import { spawnChild } from '../../server/kernel/child.ts'
import { systemClock } from '../../server/kernel/clock.ts'
import { diskFolders } from '../../server/kernel/files.ts'
import { silentLogger } from '../../server/kernel/log.ts'
import { noMetrics } from '../../server/kernel/metrics.ts'
import type { LogEvent, StreamView } from '../../server/streams/host/contract.ts'
import { createSqlHosts } from '../../server/streams/host/hosts.ts'

const count = Number(process.argv[2] ?? 20_000)
const moduleBytes = community.bytes
const signature = new Uint8Array(64)
const did = 'did:plc:benchbenchbenchbenchbenc'
const events: LogEvent[] = []
for (const { user, payload } of generateCommunity({ seed: 1, events: count }))
  events.push({ idx: events.length + 1, user, payload, signature })
const cid = cidText(linkTo(moduleBytes, bytes => createHash('sha256').update(bytes).digest()))

const folder = mkdtempSync(join(tmpdir(), 'leaf-bench-'))
let log: readonly LogEvent[] = events
const hosts = createSqlHosts({
  folder,
  sources: {
    events: async (_did, after, itemsMax) => log.slice(after, after + itemsMax),
    stateEvents: async () => [],
    module: async () => moduleBytes,
  },
  clock: systemClock,
  log: silentLogger,
  metrics: noMetrics,
  spawn: spawnChild,
  folders: diskFolders,
})
const keepAlive = setInterval(() => undefined, 1000)
const viewAt = (head: number, generation: number): StreamView => ({
  did,
  owner: did,
  module: { cid, generation },
  head,
  stateHead: 0,
})

async function timed(what: string, amount: number, fn: () => Promise<void>): Promise<void> {
  const start = performance.now()
  await fn()
  const ms = performance.now() - start
  console.log(
    `${what.padEnd(44)} ${Math.round((amount / ms) * 1000).toLocaleString('en')}/s  (${Math.round(ms)} ms)`,
  )
}

try {
  await timed(`building the tables of ${count} events`, count, () =>
    hosts.build(viewAt(count, 1), { signal: new AbortController().signal }),
  )
  await hosts.adopt(viewAt(count, 1))
  await timed('building them again, with the mirror there', count, () =>
    hosts.build(viewAt(count, 2), { signal: new AbortController().signal }),
  )
  await hosts.remove(did)
  log = []
  let head = 0
  for (const size of [1, 10, 100]) {
    const amount = Math.min(Math.max(2000, size * 50), Math.floor(count / 4))
    await timed(`appending in batches of ${size}`, amount, async () => {
      for (const end = head + amount; head < end; ) {
        const batches = events
          .slice(head, head + size)
          .map(({ user, payload }) => ({ user, payloads: [payload], signature }))
        const prepared = await hosts.prepare(viewAt(head, 1), batches)
        const refused = prepared.results.find(result => !result.ok)
        if (refused !== undefined) throw new Error(JSON.stringify(refused))
        await prepared.commit()
        head += batches.length
      }
    })
  }
  const user = events[0]?.user ?? null
  await timed('queries of one page of 50 rows', 2000, async () => {
    for (let round = 0; round < 2000; round += 1)
      await hosts.query(viewAt(head, 1), {
        name: 'events',
        params: new Map(),
        start: 1 + (round % 100),
        limit: 50,
        user,
      })
  })
  console.log(hosts.counts())
} finally {
  clearInterval(keepAlive)
  await hosts.close()
  rmSync(folder, { recursive: true, force: true })
}
