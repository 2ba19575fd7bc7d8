/** Asks hosts about one target until it is open, begun, and as far as the log: then the request itself is answered. */
import type { DrislMap } from '@leaf/codec/drisl'
import { asInteger, asMap, asText } from '@leaf/streams/fields'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import { readCatchUp } from './catch-up.ts'
import type { HostSources } from './contract.ts'
import type { Lane } from './job.ts'
import {
  catchUpBuildMs,
  catchUpQuickMax,
  catchUpQuickMs,
  type HostLimits,
  openSoftMs,
  ownMsMax,
  rememberedMax,
  retryMs,
  roundsMax,
  softMs,
} from './limits.ts'
import type { Pool } from './pool-types.ts'
import {
  encodeRequest,
  type HostReply,
  type HostRequest,
  type Position,
  positionOf,
  type Target,
} from './protocol.ts'

/** A target without its epoch, which the pool knows; and whose it is. */
export type Asked = Omit<Target, 'epoch'> & { readonly owner: string }

export interface Question {
  readonly op: string
  /** Of a query. */
  readonly name?: string
  readonly request: (target: Target) => HostRequest
  readonly deadlineMs: number
  /** Ours, and short: nobody is moved away because of it. */
  readonly isOwn?: boolean
  readonly pins?: (reply: HostReply) => boolean
}

/** Upstream's text, from a host. */
export class ModuleFault extends Error {
  override readonly name = 'ModuleFault'
}

/** The tables could not be brought up to the log. */
export class CatchUpFault extends Error {
  override readonly name = 'CatchUpFault'
  /** The last event that they show. */
  readonly module: number

  constructor(text: string, module: number) {
    super(text)
    this.module = module
  }
}

export interface Targets {
  /** The reply's map. Throws ModuleFault, CatchUpFault, Overdue, Crashed, Refusal. */
  ask(asked: Asked, question: Question, lane: Lane): Promise<DrislMap>
  /** Opens the tables of a build; gives how far they are. */
  openForBuild(asked: Asked): Promise<Position>
  /** One step towards the head; gives where it is then. */
  stepOfBuild(asked: Asked, at: Position): Promise<Position>
  /** Its files are about to be others. */
  forget(key: string): Promise<void>
}

export interface TargetsOptions {
  readonly pool: Pool
  readonly sources: HostSources
  readonly clock: Clock
  readonly log: Logger
  readonly limits: HostLimits
}

export function createTargets({ pool, sources, clock, log, limits }: TargetsOptions): Targets {
  /** Those whose mirror was compared with the log since the start. */
  const verified = createBoundedMap<string, true>(rememberedMax)

  const run = (asked: Asked, question: Question, way: Way): Promise<HostReply> =>
    pool.run({
      key: asked.key,
      owner: asked.owner,
      lane: way.lane,
      op: question.op,
      what: way.what,
      proves: provable.has(question.op),
      softMs: question.isOwn === true ? undefined : question.op === 'open' ? openSoftMs : softMs,
      deadlineMs: question.deadlineMs,
      encode: epoch => encodeRequest(question.request({ ...asked, epoch })),
      ...(question.pins === undefined ? {} : { pins: question.pins }),
    })

  const ask = async (asked: Asked, question: Question, way: Way): Promise<DrislMap> => {
    for (let round = 0; round < roundsMax; round += 1) {
      const reply = await run(asked, question, way)
      if (reply.kind === 'done') return reply.map
      if (reply.kind === 'error') throw faultOf(asked, question, reply)
      if (reply.kind === 'behind') await catchUp(asked, reply.at, way)
      else if (reply.need !== question.op) await satisfy(asked, reply.need, way)
    }
    throw new Refusal('unavailable', 'this stream could not be opened; try again in a moment', {
      retryAfterMs: 1000,
    })
  }

  const faultOf = (asked: Asked, { op }: Question, { text, isOwn }: { text: string; isOwn: boolean }) => {
    if (!isOwn) return new ModuleFault(text)
    log.error({ op, stream: asked.did, error: text }, 'a host of streams failed')
    return new Refusal('unavailable', 'this stream cannot be served at the moment', { retryAfterMs: 5000 })
  }

  const satisfy = async (asked: Asked, need: string, way: Way): Promise<void> => {
    if (need === 'module') return sendModule(asked, way)
    if (need === 'open') return void (await open(asked, way))
    if (need === 'init') {
      // A stranger's script that has not run before.
      const request = (target: Target): HostRequest => ({ op: 'init', target })
      const lane = way.lane === 'quick' ? 'slow' : way.lane
      return void (await ask(
        asked,
        { op: 'init', request, deadlineMs: limits.batchMsMax },
        { lane, what: undefined },
      ))
    }
    if (need === 'reset') return reset(asked, way)
    await new Promise<void>(resolve => clock.after(retryMs, resolve))
  }

  const sendModule = async (asked: Asked, way: Way): Promise<void> => {
    const bytes = await sources.module(asked.cid)
    if (bytes === undefined) throw new ModuleFault('module blob not found')
    const request = (): HostRequest => ({ op: 'module', cid: asked.cid, bytes })
    await ask(asked, { op: 'module', request, deadlineMs: ownMsMax }, way)
  }

  const open = async (asked: Asked, way: Way): Promise<DrislMap> => {
    const verify = verified.get(asked.key) !== true
    const request = (target: Target): HostRequest => ({ op: 'open', target, verify })
    const map = await ask(asked, { op: 'open', request, deadlineMs: limits.batchMsMax }, way)
    if (!verify) return map
    const tail = map['tail']
    if (tail !== null && !(await isInLog(asked, asMap(tail, 'tail')))) {
      await reset(asked, way)
      return open(asked, way)
    }
    verified.set(asked.key, true)
    return map
  }

  const isInLog = async ({ did }: Asked, tail: DrislMap): Promise<boolean> => {
    const idx = asInteger(tail['idx'], 'idx')
    const [event] = await sources.events(did, idx - 1, 1, 1)
    const payload = tail['payload']
    return (
      event !== undefined &&
      event.idx === idx &&
      event.user === asText(tail['user'], 'user') &&
      payload instanceof Uint8Array &&
      Buffer.compare(event.payload, payload) === 0
    )
  }

  const reset = async (asked: Asked, way: Way): Promise<void> => {
    log.warn({ stream: asked.did }, 'the tables of a stream do not fit its log and are built again')
    const request = (target: Target): HostRequest => ({ op: 'reset', target })
    await ask(asked, { op: 'reset', request, deadlineMs: ownMsMax, isOwn: true }, way)
  }

  const catchUp = async (asked: Asked, from: Position, way: Way): Promise<void> => {
    let at = from
    while (isBehind(asked, at)) {
      const isFar = asked.head - Math.min(at.log, at.module) > catchUpQuickMax
      at = await step(asked, at, isFar ? buildWay : way)
    }
  }

  const step = async (asked: Asked, at: Position, way: Way): Promise<Position> => {
    const items = await readCatchUp(sources, asked, at)
    const budgetMs = way.lane === 'build' ? catchUpBuildMs : catchUpQuickMs
    const request = (target: Target): HostRequest => ({ op: 'apply', target, items, budgetMs })
    const map = await ask(asked, { op: 'apply', request, deadlineMs: limits.batchMsMax }, way)
    const error = map['error']
    const now = positionOf(asMap(map['at'], 'at'))
    if (typeof error === 'string') throw new CatchUpFault(error, now.module)
    return now
  }

  return {
    ask: (asked, question, lane) => ask(asked, question, wayOf(asked, question, lane)),
    openForBuild: async asked => positionOf(asMap((await open(asked, buildWay))['at'], 'at')),
    stepOfBuild: (asked, at) => step(asked, at, buildWay),
    forget: key => {
      verified.delete(key)
      return pool.forget(key)
    },
  }
}

/** A target that is none: for what concerns no stream that is open. */
export const nobody: Asked = {
  key: '#',
  did: '',
  cid: '',
  generation: 0,
  build: false,
  head: 0,
  stateHead: 0,
  owner: '#',
}

/** Where a question and all that it needs first are run. */
interface Way {
  readonly lane: Lane
  /** What is tried before it runs among the others; undefined: nothing is. */
  readonly what: string | undefined
}

const provable = new Set(['query', 'prepare', 'more'])

const buildWay: Way = { lane: 'build', what: undefined }

function wayOf({ cid }: Asked, { op, name, isOwn }: Question, lane: Lane): Way {
  return { lane, what: isOwn === true ? undefined : `${cid} ${name ?? op}` }
}

/** Whether a target does not show everything yet. */
export function isBehind({ head, stateHead }: Asked, at: Position): boolean {
  return at.log < head || at.module < head || at.seq < stateHead
}
