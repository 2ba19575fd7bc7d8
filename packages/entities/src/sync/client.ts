/** The side that asks: brings a store and a server to the same entries, and keeps them there. */
import type { Ed25519, KeyPair } from '../crypto.ts'
import type { EntryStore, IngestOptions, IngestOutcome, StoredEntry } from '../store/contract.ts'
import { areaIncludes } from '../willow/area.ts'
import { equalBytes } from '../willow/path.ts'
import type { WillowReader } from '../willow/wire.ts'
import { type AreaView, createAreaView } from './area-view.ts'
import { signAuth } from './auth.ts'
import { type FrameType, SyncError, syncLimits, type Transport } from './contract.ts'
import {
  type AreaRequest,
  challengeBytes,
  encodeAreas,
  encodeAuth,
  encodeLive,
  encodeSince,
  readHello,
  readServed,
  readSince,
  type Since,
} from './frames.ts'
import { createLink, type Link } from './link.ts'
import { createMailman } from './mailman.ts'
import { createRangeFrame, type RangeItem, readRangeFrame } from './range-frames.ts'
import { answerItem } from './reconcile.ts'

/** What a store knows of a server, kept between connections: how far each has heard of the other. */
export interface SyncMemory {
  load(name: string): Promise<string | undefined>
  save(name: string, value: string): Promise<void>
}

export interface SyncStatus {
  readonly phase: 'connecting' | 'syncing' | 'equal' | 'live' | 'ended'
  readonly sent: number
  readonly received: number
  readonly rounds: number
}

export interface SyncOptions {
  readonly store: EntryStore
  readonly transport: Transport
  readonly ed25519: Ed25519
  readonly random: (length: number) => Uint8Array
  /** Whose areas these are: the receiver of their capabilities. */
  readonly key: KeyPair
  /** The server that is meant: another name in its hello ends the connection. */
  readonly serverName: string
  readonly areas: readonly AreaRequest[]
  readonly memory: SyncMemory
  /** Goes on after both are equal, until the signal ends. */
  readonly live: boolean
  readonly signal: AbortSignal
  readonly ingest?: () => IngestOptions
  /** Whether a payload is to be fetched now. Default: all. */
  readonly wants?: (entry: StoredEntry['entry']) => boolean
  readonly onStatus?: (status: SyncStatus) => void
}

export interface SyncResult {
  readonly sent: number
  readonly received: number
  /** Of range reconciliation, over all areas. */
  readonly rounds: number
  /** Which areas the server served, in the order in which they were asked for. */
  readonly served: readonly boolean[]
}

const arrivalsAtOnce = 512

/** Syncs once, and stays when `live`. Throws SyncError when it could not, with everything kept that came until then. */
export async function syncWith(options: SyncOptions): Promise<SyncResult> {
  const link = createLink(options.transport)
  const session = createClient(options, link)
  const stop = () => void link.end()
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    const reading = link
      .run((type, reader) => session.handle(type, reader))
      .then(
        () => session.gone(new SyncError('closed', 'the server has ended the connection')),
        (error: unknown) => session.gone(error),
      )
    const result = await session.work()
    await link.end()
    await reading
    return result
  } catch (error) {
    if (error instanceof SyncError && error.code === 'protocol') await link.end(error)
    else await link.end()
    throw error
  } finally {
    options.signal.removeEventListener('abort', stop)
    session.close()
  }
}

interface Mailbox<T> {
  put(value: T): void
  take(): Promise<T>
  fail(error: unknown): void
}

function createMailbox<T>(): Mailbox<T> {
  const values: T[] = []
  let failure: { readonly error: unknown } | undefined
  let waiting: { resolve(value: T): void; reject(error: unknown): void } | undefined
  return {
    put: value => {
      if (waiting === undefined) values.push(value)
      else {
        waiting.resolve(value)
        waiting = undefined
      }
    },
    take: () => {
      const value = values.shift()
      if (value !== undefined) return Promise.resolve(value)
      if (failure !== undefined) return Promise.reject(failure.error)
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      })
    },
    fail: error => {
      failure ??= { error }
      waiting?.reject(error)
      waiting = undefined
    },
  }
}

function createClient(options: SyncOptions, link: Link) {
  const { store, memory, signal } = options
  const hellos = createMailbox<ReturnType<typeof readHello>>()
  const answers = createMailbox<readonly boolean[]>()
  const sinces = createMailbox<Since>()
  const rounds = createMailbox<ReturnType<typeof readRangeFrame>>()
  const boxes = [hellos, answers, sinces, rounds] as const
  const counts = { sent: 0, received: 0, rounds: 0 }
  let phase: SyncStatus['phase'] = 'connecting'
  let served: readonly boolean[] = []
  let following = false
  let stopListening = () => {}
  const tell = (next: SyncStatus['phase']) => {
    phase = next
    options.onStatus?.({ phase, ...counts })
  }
  const inAreas = ({ entry }: StoredEntry) =>
    options.areas.some(
      (request, index) =>
        served[index] === true &&
        equalBytes(request.namespace, entry.namespace) &&
        areaIncludes(request.area, entry),
    )
  const mailman = createMailman({
    store,
    link,
    ingest: options.ingest ?? (() => ({})),
    maySend: inAreas,
    wants: options.wants ?? (() => true),
    onTaken: outcomes => {
      counts.received += outcomes.filter(({ kind }) => kind === 'stored').length
      checkTaken(outcomes)
      tell(phase)
    },
  })

  const noteOf = (index: number, what: 'heard' | 'told') => {
    const { namespace, area } = options.areas[index] as AreaRequest
    const parts = [namespace, area.subspace ?? new Uint8Array(), ...area.path]
    const hex = parts.map(part => Array.from(part, byte => byte.toString(16).padStart(2, '0')).join(''))
    return `${what} ${options.serverName} ${hex.join('/')} ${area.times.start} ${area.times.end ?? ''}`
  }

  const handshake = async () => {
    const hello = await hellos.take()
    if ('version' in hello)
      throw new SyncError('version', `the server speaks version ${hello.version} of the protocol`)
    if (hello.serverName !== options.serverName)
      throw new SyncError('protocol', `expected the server ${options.serverName}, got ${hello.serverName}`)
    const auth = await signAuth(options.ed25519, options.key, hello, options.random(challengeBytes))
    await link.send(encodeAuth(auth))
    await link.send(encodeAreas(options.areas))
    served = await answers.take()
    if (served.length !== options.areas.length)
      throw new SyncError('protocol', 'expected an answer for every area')
  }

  /** Tells the server what came here since the last time, of one area. */
  const push = async (index: number, view: AreaView, epoch: string) => {
    const here = await store.epoch()
    const note = await memory.load(noteOf(index, 'told'))
    const [knownEpoch, knownHere, arrived] = note?.split(' ') ?? []
    let arrival = knownEpoch === epoch && knownHere === here ? Number(arrived) : 0
    const known = arrival > 0
    for (; known; ) {
      const fresh = await store.arrivals(view.namespace, arrival, arrivalsAtOnce)
      const own = fresh.filter(({ entry }) => view.includes(entry))
      counts.sent += own.length
      await mailman.sendEntries(own)
      arrival = fresh.at(-1)?.arrival ?? arrival
      if (fresh.length < arrivalsAtOnce) break
    }
    return known ? arrival : await store.lastArrival()
  }

  const reconcile = async (area: number, view: AreaView) => {
    const { start, end } = view.bounds
    let todo: RangeItem[] = [{ kind: 'sum', start, end, ...(await view.summary(view.bounds)) }]
    while (todo.length > 0) {
      counts.rounds += 1
      todo = await sendRound(link, area, todo)
      // What was left out of this round is asked for in the next one, together with what this one brings.
      for (let last = false; !last; ) {
        const frame = await rounds.take()
        if (frame.area !== area)
          throw new SyncError('protocol', 'expected an answer about the area that was asked for')
        ;({ last } = frame)
        for (const item of frame.items) {
          const step = await answerItem(view, item)
          todo.push(...step.items)
          counts.sent += step.send.length
          await mailman.sendKeys(keys => view.entriesAt(keys), step.send)
        }
      }
      tell('syncing')
    }
  }

  const syncArea = async (index: number) => {
    const { namespace, area } = options.areas[index] as AreaRequest
    const view = createAreaView(store, namespace, area)
    const [epoch, arrival] = (await memory.load(noteOf(index, 'heard')))?.split(' ') ?? []
    await link.send(encodeSince({ area: index, epoch, arrival: Number(arrival ?? 0) }))
    const since = await sinces.take()
    if (since.area !== index || since.epoch === undefined)
      throw new SyncError('protocol', 'expected to hear how far the area is')
    const told = await push(index, view, since.epoch)
    // Only when the server has taken it all do sums tell what is still different.
    await link.drained()
    await reconcile(index, view)
    await link.drained()
    await memory.save(noteOf(index, 'heard'), `${since.epoch} ${since.arrival}`)
    await memory.save(noteOf(index, 'told'), `${since.epoch} ${await store.epoch()} ${told}`)
    return { view, epoch: since.epoch }
  }

  /** Sends what is written here, and takes what is written there, until the signal ends. */
  const stayLive = async (
    opened: ReadonlyMap<number, { readonly view: AreaView; readonly epoch: string }>,
  ) => {
    following = true
    let changed = () => {}
    let dirty = true
    stopListening = store.listen(() => {
      dirty = true
      changed()
    })
    for (const index of opened.keys()) await link.send(encodeLive(index))
    tell('live')
    const ended = new Promise<void>((resolve, reject) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      sinces.take().then(
        () => undefined,
        error => (signal.aborted ? resolve() : reject(error)),
      )
    })
    let over = false
    const finished = ended.then(
      () => {
        over = true
        changed()
      },
      (error: unknown) => {
        over = true
        changed()
        throw error
      },
    )
    finished.catch(() => undefined)
    while (!over) {
      while (dirty && !over) {
        dirty = false
        for (const [index, { view, epoch }] of opened) {
          const told = await push(index, view, epoch)
          await link.drained()
          await memory.save(noteOf(index, 'told'), `${epoch} ${await store.epoch()} ${told}`)
        }
        tell('live')
      }
      if (over) break
      await new Promise<void>(resolve => {
        changed = resolve
        if (dirty) resolve()
      })
    }
    await finished
  }

  return {
    handle: async (type: FrameType, reader: WillowReader): Promise<void> => {
      if (type === 'hello') hellos.put(readHello(reader))
      else if (type === 'capabilities') answers.put(readServed(reader))
      else if (type === 'since') {
        const since = readSince(reader)
        if (!following) sinces.put(since)
        else if (options.areas[since.area] !== undefined && since.epoch !== undefined)
          await memory.save(noteOf(since.area, 'heard'), `${since.epoch} ${since.arrival}`)
      } else if (type === 'ranges') rounds.put(readRangeFrame(reader))
      else if (type === 'entries') await mailman.takeEntries(reader)
      else if (type === 'want') await mailman.takeWant(reader)
      else if (type === 'payload') await mailman.takeChunk(reader)
      else throw new SyncError('protocol', `expected another kind of frame, got ${type}`)
    },
    gone: (error: unknown) => {
      for (const box of boxes) box.fail(error)
    },
    work: async (): Promise<SyncResult> => {
      tell('connecting')
      await handshake()
      tell('syncing')
      const opened = new Map<number, { view: AreaView; epoch: string }>()
      for (const [index, ok] of served.entries()) if (ok) opened.set(index, await syncArea(index))
      tell('equal')
      if (options.live && !signal.aborted) await stayLive(opened)
      tell('ended')
      return { ...counts, served }
    },
    close: () => stopListening(),
  }
}

/** A server that sends what nobody signed is not one to go on with. */
function checkTaken(outcomes: readonly IngestOutcome[]): void {
  const forged = outcomes.find(
    outcome =>
      outcome.kind === 'refused' &&
      outcome.fault !== 'future' &&
      outcome.fault !== 'quota' &&
      outcome.fault !== 'limit' &&
      outcome.fault !== 'namespace',
  )
  if (forged !== undefined) throw new SyncError('protocol', 'expected entries that their authors have signed')
}

/** Sends one round; gives the items for which there was no room. */
async function sendRound(link: Link, area: number, items: readonly RangeItem[]): Promise<RangeItem[]> {
  let frame = createRangeFrame(area)
  let frames = 0
  for (const [index, item] of items.entries()) {
    if (frame.add(item)) continue
    if (frames === syncLimits.roundFramesMax - 1) {
      await link.send(frame.finish(true))
      return items.slice(index)
    }
    await link.send(frame.finish(false))
    frames += 1
    frame = createRangeFrame(area)
    frame.add(item)
  }
  await link.send(frame.finish(true))
  return []
}
