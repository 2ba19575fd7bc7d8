/**
 * Hosts in this process, for tests of conditions that real ones make rarely: they check that the engine keeps its side
 * of the contract, and answer from what they read out of the log. A payload `deny` is refused by the authorizer.
 */
import { encodeDrisl } from '@leaf/codec/drisl'
import { Refusal } from '../../kernel/errors.ts'
import type {
  Batch,
  BatchResult,
  HostSources,
  LogEvent,
  Prepared,
  SqlHosts,
  StateEvent,
  StreamView,
} from '../host/contract.ts'

export interface TestHosts extends SqlHosts {
  /** Executions of queries so far. */
  readonly executed: { queries: number; prepares: number; validated: number }
  /** Awaited before every answer of the named operation. */
  readonly hooks: {
    prepare?: () => Promise<void>
    /** Awaited before the batches of a prepare are asked for. */
    take?: () => Promise<void>
    query?: () => Promise<void>
    build?: () => Promise<void>
  }
  readonly adopted: string[]
  readonly discarded: string[]
  readonly removed: string[]
  /** What the host has applied of a stream: the log's payloads as text. */
  logOf(did: string): readonly string[]
  stateOf(did: string): readonly string[]
}

interface Mirror {
  events: LogEvent[]
  state: StateEvent[]
  open: 'none' | 'prepared'
  readers: number
}

export function createTestHosts(sources: HostSources): TestHosts {
  const mirrors = new Map<string, Mirror>()
  const executed = { queries: 0, prepares: 0, validated: 0 }
  const hooks: TestHosts['hooks'] = {}
  const adopted: string[] = []
  const discarded: string[] = []
  const removed: string[] = []

  const mirrorOf = async (view: StreamView): Promise<Mirror> => {
    const mirror = mirrors.get(view.did) ?? { events: [], state: [], open: 'none', readers: 0 }
    mirrors.set(view.did, mirror)
    if (mirror.open !== 'none') throw new Error(`broken contract: ${view.did} is asked while it is prepared`)
    if (mirror.events.length > view.head) throw new Error('broken contract: a head that went back')
    while (mirror.events.length < view.head) {
      mirror.events.push(...(await sources.events(view.did, mirror.events.length, 100, 100_000)))
    }
    while (mirror.state.length < view.stateHead) {
      const more = await sources.stateEvents(view.did, mirror.state.length, 100, 100_000)
      if (more.length === 0) throw new Error('broken contract: the journal has a hole')
      mirror.state.push(...more)
    }
    return mirror
  }
  const refused = ({ payloads }: Batch) => payloads.some(payload => textOf(payload) === 'deny')
  const number = (head: number, batches: readonly Batch[]): readonly BatchResult[] => {
    let next = head + 1
    return batches.map(batch => {
      if (refused(batch)) return { ok: false, error: denied }
      const firstIdx = next
      next += batch.payloads.length
      return { ok: true, firstIdx, lastIdx: next - 1 }
    })
  }
  const transaction = (
    mirror: Mirror,
    results: readonly BatchResult[],
    apply: () => void,
    undo: () => void = () => undefined,
  ): Prepared => {
    let over = false
    const end = (fn: () => void) => async () => {
      if (over) throw new Error('broken contract: a transaction ended twice')
      over = true
      mirror.open = 'none'
      fn()
    }
    mirror.open = 'prepared'
    return { results, commit: end(apply), abort: end(undo) }
  }

  return {
    executed,
    hooks,
    adopted,
    discarded,
    removed,
    logOf: did => mirrors.get(did)?.events.map(event => textOf(event.payload)) ?? [],
    stateOf: did =>
      mirrors.get(did)?.state.map(event => (event.kind === 'clear' ? 'clear' : textOf(event.payload))) ?? [],
    prepare: async (view, given) => {
      const mirror = await mirrorOf(view)
      if (mirror.readers > 0) throw new Error('broken contract: prepared while it is read')
      executed.prepares += 1
      mirror.open = 'prepared'
      let batches: readonly Batch[] = []
      try {
        await hooks.take?.()
        batches = typeof given === 'function' ? given() : given
        await hooks.prepare?.()
      } finally {
        mirror.open = 'none'
      }
      const results = number(view.head, batches)
      return transaction(mirror, results, () => {
        for (const batch of batches.filter(one => !refused(one))) {
          for (const payload of batch.payloads) {
            const { user, signature } = batch
            mirror.events.push({ idx: mirror.events.length + 1, user, payload, signature })
          }
        }
      })
    },
    prepareState: async (view, batches) => {
      const mirror = await mirrorOf(view)
      return transaction(mirror, number(view.stateHead, batches), () => {
        for (const { user, payloads } of batches.filter(one => !refused(one))) {
          for (const payload of payloads) {
            const seq = mirror.state.length + 1
            mirror.state.push({ seq, afterIdx: view.head, kind: 'event', user, payload })
          }
        }
      })
    },
    catchUp: async view => void (await mirrorOf(view)),
    query: async (view, query) => {
      const mirror = await mirrorOf(view)
      executed.queries += 1
      mirror.readers += 1
      try {
        await hooks.query?.()
      } finally {
        mirror.readers -= 1
      }
      if (query.name === 'fail') throw new Refusal('invalid', denied)
      const rows = mirror.events
        .filter(event => event.idx >= query.start)
        .slice(0, query.limit)
        .map(event => textOf(event.payload))
      return { count: rows.length, drisl: encodeDrisl(rows) }
    },
    validate: async module => {
      executed.validated += 1
      if (textOf(module).includes('broken')) throw new Refusal('invalid', 'initSql, line 1: near "broken"')
      return textOf(module).includes('random') ? ['the materializer uses random()'] : []
    },
    build: async (view, { signal, onProgress }) => {
      await hooks.build?.()
      signal.throwIfAborted()
      if (view.module.cid.length < 10) throw new Error('no module')
      onProgress?.({ applied: view.head, head: view.head })
    },
    adopt: async view => void adopted.push(`${view.module.cid} ${view.module.generation}`),
    discard: async (_did, module) => void discarded.push(`${module.cid} ${module.generation}`),
    checkpointState: async view => {
      await mirrorOf(view)
      return { seq: view.stateHead, idx: view.head }
    },
    copyState: async view => {
      const mirror = await mirrorOf(view)
      return encodeDrisl(
        mirror.state.map(({ seq, afterIdx, kind, user, payload }) => ({
          seq,
          afterIdx,
          kind,
          user,
          payload,
        })),
      )
    },
    placeState: async (did, bytes) => {
      const { decodeDrisl } = await import('@leaf/codec/drisl')
      const state = decodeDrisl(bytes) as unknown as StateEvent[]
      mirrors.set(did, { events: [], state: [...state], open: 'none', readers: 0 })
    },
    remove: async did => {
      removed.push(did)
      mirrors.delete(did)
    },
    counts: () => ({ hosts: 1, openStreams: mirrors.size, kills: 0, stuck: 0, quarantined: 0 }),
    close: async () => undefined,
  }
}

/** What the authorizer says to a payload `deny`. */
export const denied = 'Error while running stream module: SQLite failure: `Unauthorized: denied`'

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
