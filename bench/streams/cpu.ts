/**
 * What an event costs: CPU time of the server, its hosts and the published client for each event appended. On a machine
 * that is busy otherwise these say more than events per second. Linux only: it reads /proc.
 */
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { startHouse } from './house.ts'
import { messagePayload } from './load.ts'
import { createStream } from './scenarios.ts'

interface Case {
  readonly name: string
  readonly streams: number
  /** Batches in flight, over all streams. */
  readonly lanes: number
  readonly size: number
  readonly events: number
}

const cases: readonly Case[] = [
  { name: 'one stream, one after the other', streams: 1, lanes: 1, size: 1, events: 2_000 },
  { name: 'one stream, batches of 10', streams: 1, lanes: 1, size: 10, events: 5_000 },
  { name: 'one stream, batches of 100', streams: 1, lanes: 1, size: 100, events: 10_000 },
  { name: '8 streams, 64 in flight', streams: 8, lanes: 64, size: 1, events: 6_000 },
  { name: '8 streams, 512 in flight', streams: 8, lanes: 512, size: 1, events: 12_000 },
]

/** Fields of a process after its name; undefined when it has ended. */
function statOf(pid: string): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')
  } catch {
    return undefined
  }
}

/** Milliseconds that a process has worked; the kernel counts in hundredths of a second. */
function cpuMs(pid: string): number {
  const stat = statOf(pid)
  return stat === undefined ? 0 : (Number(stat[11]) + Number(stat[12])) * 10
}

function descendants(pid: string): readonly string[] {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const children = all.filter(one => statOf(one)?.[1] === pid)
  return children.flatMap(child => [child, ...descendants(child)])
}

const only = process.argv[2]
const house = await startHouse()
try {
  const main = String(house.leaf.pid())
  const client = await house.connect()
  for (const { name, streams, lanes, size, events } of cases) {
    if (only !== undefined && !name.includes(only)) continue
    const dids: string[] = []
    for (let index = 0; index < streams; index += 1) dids.push(await createStream(client))
    let n = 0
    const append = async (count: number) => {
      let left = count
      const lane = async (index: number) => {
        while (left > 0) {
          left -= size
          const payloads = Array.from({ length: size }, () => messagePayload((n += 1), name.slice(-8)))
          await client.sendEvents(dids[index % streams] ?? '', payloads)
        }
      }
      await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)))
    }
    await append(2_000)
    const before = new Map(descendants(main).map(pid => [pid, cpuMs(pid)]))
    const mainBefore = cpuMs(main)
    const ownBefore = process.cpuUsage()
    const began = performance.now()
    await append(events)
    const perSecond = (events / (performance.now() - began)) * 1000
    const own = process.cpuUsage(ownBefore)
    const hostMs = descendants(main).reduce((sum, pid) => sum + cpuMs(pid) - (before.get(pid) ?? 0), 0)
    const us = {
      server: ((cpuMs(main) - mainBefore) * 1000) / events,
      hosts: (hostMs * 1000) / events,
      client: (own.user + own.system) / events,
    }
    const parts = Object.entries(us).map(([part, value]) => `${part} ${value.toFixed(0)}`)
    const all = Object.values(us).reduce((sum, value) => sum + value, 0)
    console.log(`${name}: ${perSecond.toFixed(0)}/s, µs an event: ${parts.join(', ')}, all ${all.toFixed(0)}`)
  }
} finally {
  await house.stop()
}
