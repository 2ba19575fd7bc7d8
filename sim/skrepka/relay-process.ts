/** A relay as a process of a simulated world: it boots on its disk, dies at chosen points, and boots again. */
import type { Random } from '../../server/kernel/random.ts'
import type { BlobStore } from '../../server/kernel/storage/blobs.ts'
import type { Database } from '../../server/kernel/storage/database.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { CallPeer, Relay, RelayCounts, ServerName } from '../../server/skrepka/contract.ts'
import type { Clock } from '../../server/kernel/clock.ts'
import { createMemoryBlobs } from './blobs.ts'
import { createSimDatabase, openDisk } from './database.ts'
import { createProcessClock, type Loop, type ProcessClock } from './loop.ts'
import { type Network, relayListener, type Sender } from './network.ts'
import type { SeededRandom } from './random.ts'
import { createSeedState, type SeedState } from './seed-state.ts'

/** What a relay is made of in a world. */
export interface RelayParts {
  readonly serverHost: ServerName
  readonly seedPeers: readonly ServerName[]
  readonly clock: Clock
  readonly random: Random
  readonly database: Database
  readonly blobs: BlobStore
  readonly callPeer: CallPeer
  /** The disk of a model of the seed's server. */
  readonly seedState: SeedState
  /** What must not happen inside a relay. */
  readonly onFault: (error: unknown) => void
}

/** Makes a relay that is not started yet. */
export type RelayMaker = (parts: RelayParts) => Promise<Relay>

export type CrashPoint = 'now' | 'before-commit' | 'after-commit' | 'after-answer'

export interface RelayProcess {
  readonly name: ServerName
  readonly sender: Sender
  isUp(): boolean
  /** Boots; it answers as soon as that is done. */
  boot(): void
  /** Dies there, and boots again on its disk after `downMs`. */
  crash(point: CrashPoint, downMs: number): void
  /** Ends in order and boots again after `downMs`. */
  restart(downMs: number): void
  /** Sets its wall clock. */
  stepClock(ms: number): void
  /** Of the relay that runs now. */
  counts(): Promise<RelayCounts | undefined>
}

export interface RelayProcessOptions {
  readonly name: ServerName
  readonly address: string
  readonly seedPeers: readonly ServerName[]
  readonly make: RelayMaker
  readonly loop: Loop
  readonly network: Network
  readonly random: SeededRandom
  /** How wrong its wall clock is. */
  readonly skewMs: number
  /** From and to: how long a commit takes. */
  readonly commitMs: readonly [from: number, to: number]
  readonly onFault: (error: unknown) => void
  readonly onBoot: () => void
}

/** A crash that waits for a commit or an answer does not wait longer than this. */
const crashWaitMs = 5000

/** What a peer's answer may hold. */
const answerCharsMax = 64 * 1024

interface Life {
  readonly clock: ProcessClock
  dead: boolean
  relay: Relay | undefined
  crashAt: CrashPoint | undefined
}

export function createRelayProcess(options: RelayProcessOptions): RelayProcess {
  const { name, loop, network, random, make, commitMs } = options
  const sender: Sender = { name, address: options.address }
  const disk = { sql: openDisk(), blobs: new Map<string, Uint8Array>(), seed: createSeedState() }
  let skewMs = options.skewMs
  let lives = 0
  let life: Life | undefined

  const kill = (victim: Life) => {
    victim.dead = true
    victim.clock.kill()
    if (life === victim) life = undefined
  }
  const never = <T>() => new Promise<T>(() => undefined)

  const partsOf = (mine: Life): RelayParts => {
    const own = random.fork(`life ${lives}`)
    const commits = random.fork(`commits ${lives}`)
    const callPeer: CallPeer = async (server, { method, path, headers, body, timeoutMs }) => {
      if (mine.dead) return never()
      const sent = { method, path, ...(headers && { headers }), ...(body !== undefined && { body }) }
      const outcome = await network.send(sender, server, sent, timeoutMs).then(
        answer => ({ answer }),
        (error: unknown) => ({ error }),
      )
      if (mine.dead) return never()
      if ('error' in outcome) throw outcome.error
      const { answer } = outcome
      return {
        status: answer.status,
        retryAfterMs: parseRetryAfter(answer.headers['retry-after']),
        body: Buffer.from(answer.body.slice(0, answerCharsMax)),
      }
    }
    return {
      serverHost: name,
      seedPeers: options.seedPeers,
      clock: mine.clock,
      random: own,
      database: createSimDatabase({
        disk: disk.sql,
        clock: mine.clock,
        commitMs: () => commits.between(commitMs[0], commitMs[1]),
        crash: () => {
          const { crashAt } = mine
          if (crashAt !== 'before-commit' && crashAt !== 'after-commit') return 'nowhere'
          kill(mine)
          return crashAt
        },
        isDead: () => mine.dead,
        turn: loop.events,
      }),
      blobs: createMemoryBlobs(disk.blobs),
      callPeer,
      seedState: disk.seed,
      onFault: error => {
        if (!mine.dead) options.onFault(error)
      },
    }
  }

  const boot = () => {
    if (life !== undefined) return
    lives += 1
    options.onBoot()
    const mine: Life = {
      clock: createProcessClock(loop, skewMs),
      dead: false,
      relay: undefined,
      crashAt: undefined,
    }
    life = mine
    const begin = async () => {
      const relay = await make(partsOf(mine))
      await relay.start()
      mine.relay = relay
    }
    begin().catch(options.onFault)
  }

  network.listen(name, (from, request, signal) => {
    const mine = life
    if (mine?.relay === undefined) return undefined
    const answering = relayListener(mine.relay)(from, request, signal)
    return answering.then(
      answer => {
        if (mine.dead) return never()
        if (mine.crashAt === 'after-answer') kill(mine)
        return answer
      },
      (error: unknown) => {
        options.onFault(new Error(`${name} threw out of answer()`, { cause: error }))
        return never()
      },
    )
  })

  return {
    name,
    sender,
    isUp: () => life?.relay !== undefined,
    boot,
    crash: (point, downMs) => {
      const mine = life
      if (mine === undefined) return
      if (point === 'now') kill(mine)
      else {
        mine.crashAt = point
        loop.at(crashWaitMs, () => kill(mine))
      }
      loop.at(crashWaitMs + downMs, boot)
    },
    restart: downMs => {
      const mine = life
      if (mine?.relay === undefined) return
      const { relay } = mine
      mine.relay = undefined
      relay.stop().then(() => kill(mine), options.onFault)
      // A process that does not end by itself is ended.
      loop.at(crashWaitMs, () => kill(mine))
      loop.at(crashWaitMs + downMs, boot)
    },
    stepClock: ms => {
      skewMs += ms
      life?.clock.step(ms)
    },
    counts: async () => life?.relay?.counts(),
  }
}
