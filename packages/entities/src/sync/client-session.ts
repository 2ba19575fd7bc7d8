/** What a client does on a connection: says who it is, syncs area by area, and stays. */
import type { IngestOutcome } from '../store/contract.ts'
import type { WillowReader } from '../willow/wire.ts'
import { createAreaView } from './area-view.ts'
import { createArrivalSet } from './arrival-set.ts'
import { signAuth } from './auth.ts'
import { createClientAnswers } from './client-answers.ts'
import { createClientAreas, type OpenedArea } from './client-areas.ts'
import type { SyncOptions, SyncResult, SyncStatus } from './client-contract.ts'
import { type FrameType, SyncError } from './contract.ts'
import {
  challengeBytes,
  encodeAreas,
  encodeAuth,
  encodeLive,
  type Refused,
  readHello,
  readServed,
  readSince,
  type Since,
} from './frames.ts'
import type { Link } from './link.ts'
import { createMailman } from './mailman.ts'
import { createOwed } from './owed.ts'
import { createPayloads } from './payloads.ts'
import { readRangeFrame } from './range-frames.ts'
import { createSyncNotes } from './sync-notes.ts'

export interface ClientSession {
  handle(type: FrameType, reader: WillowReader): Promise<Refused | undefined>
  refused(refused: Refused): void
  /** The connection has ended. */
  gone(error: unknown): void
  /** Why it has, if it has. */
  why(): unknown
  /** Ends `work` where both are equal; elsewhere it throws as the connection ends. */
  stop(): void
  work(): Promise<SyncResult>
  close(): void
}

export function createClientSession(options: SyncOptions, link: Link): ClientSession {
  const { store } = options
  const state = createState(options)
  const notes = createSyncNotes(options.memory, options.serverName, store)
  const answers = createClientAnswers(link)
  const heard = createArrivalSet()
  let served: readonly boolean[] = []
  let opened: readonly OpenedArea[] = []
  let following = false

  const owed = createOwed({
    save: async now => {
      for (const { request } of opened) await notes.saveOwed(request, now)
    },
    settled: () => !payloads.owing() && link.quiet() && state.failure() === undefined,
  })
  const payloads = createPayloads({
    store,
    link,
    views: () => served.map((_, index) => opened.find(area => area.index === index)?.view),
    wants: options.wants ?? (() => true),
    onSettled: () => {
      // Before that, `settle` waits for it.
      if (following) link.changed().then(owed.forgive).catch(link.break)
    },
  })
  const mailman = createMailman({
    store,
    link,
    payloads,
    heard,
    ingest: options.ingest ?? (() => ({})),
    maySend: ({ entry }) => opened.some(({ view }) => view.includes(entry)),
    onOwing: owed.note,
    onTaken: state.taken,
  })
  const areas = createClientAreas({
    store,
    link,
    notes,
    answers,
    payloads,
    heard,
    counts: state.counts,
    sendEntries: mailman.sendEntries,
    onRound: () => state.tell('syncing'),
  })

  const open = async () => {
    served = await introduce(options, link, answers)
    opened = options.areas.flatMap((request, index) => {
      const { namespace, area } = request
      const view = served[index] === true ? createAreaView(store, namespace, area) : undefined
      return view === undefined ? [] : [{ index, request, view, note: undefined }]
    })
    for (const { request } of opened) if (await notes.owed(request)) owed.found()
  }
  /** Waits until neither side owes the other anything. */
  const settle = async () => {
    while (payloads.owing() || !link.quiet()) {
      if (state.failure() !== undefined) throw state.failure()
      await link.expect(link.changed())
    }
    await owed.forgive()
  }
  const stayLive = async () => {
    following = true
    state.follow(store)
    await link.send(encodeLive(opened.map(({ index }) => index)))
    state.tell('live')
    while (await state.fresh()) {
      const { sent } = state.counts
      for (const area of opened) if (await areas.push(area)) await owed.forgive()
      if (state.counts.sent > sent) state.tell('live')
    }
  }
  /** The server says how far its news have come; the entries before it are stored by now. */
  const hearSince = async (since: Since) => {
    if (!following) return answers.put.since(since)
    const area = opened.find(({ index }) => index === since.area)
    if (area?.note === undefined || since.epoch === undefined) return undefined
    area.note = { ...area.note, epoch: since.epoch, heard: since.arrival }
    return notes.save(area.request, area.note)
  }

  return {
    handle: async (type, reader) => {
      if (type === 'hello') answers.put.hello(readHello(reader))
      else if (type === 'capabilities') answers.put.served(readServed(reader))
      else if (type === 'since') await hearSince(readSince(reader))
      else if (type === 'ranges') answers.put.ranges(readRangeFrame(reader))
      else if (type === 'entries') return mailman.takeEntries(reader)
      else if (type === 'want') await payloads.takeWant(reader)
      else if (type === 'payload') await payloads.takeChunk(reader)
      else throw new SyncError('protocol', `expected another kind of frame, got ${type}`)
      return undefined
    },
    refused: state.refused,
    gone: error => {
      state.gone(error)
      answers.fail(error)
    },
    why: state.failure,
    stop: state.stop,
    work: async () => {
      state.tell('connecting')
      await open()
      state.tell('syncing')
      for (const area of opened) await areas.sync(area)
      await settle()
      state.tell('equal')
      if (options.live && !state.stopped())
        await stayLive().catch((error: unknown) => {
          // Whoever stops it wants no more than that it ends.
          if (!state.stopped()) throw error
        })
      state.tell('ended')
      return { ...state.summary(), served }
    },
    close: state.close,
  }
}

/** Says who the client is; gives which of its areas are served. */
async function introduce(
  options: SyncOptions,
  link: Link,
  answers: ReturnType<typeof createClientAnswers>,
): Promise<readonly boolean[]> {
  const hello = await answers.hello()
  if ('version' in hello)
    throw new SyncError('version', `the server speaks version ${hello.version} of the protocol`)
  if (hello.serverName !== options.serverName)
    throw new SyncError('protocol', `expected the server ${options.serverName}, got ${hello.serverName}`)
  const auth = await signAuth(options.ed25519, options.key, hello, options.random(challengeBytes))
  await link.send(encodeAuth(auth))
  await link.send(encodeAreas(options.areas))
  const served = await answers.served()
  if (served.length !== options.areas.length)
    throw new SyncError('protocol', 'expected an answer for every area')
  return served
}

/** Where a client stands, and what wakes it. */
function createState(options: SyncOptions) {
  const counts = { sent: 0, received: 0, rounds: 0 }
  let refused: Refused | undefined
  let phase: SyncStatus['phase'] = 'connecting'
  let stopped = false
  let failure: unknown
  let dirty = true
  let wake = () => {}
  let stopListening = () => {}
  const summary = () => ({ ...counts, ...(refused === undefined ? {} : { refused }) })
  const tell = (next: SyncStatus['phase']) => {
    phase = next
    options.onStatus?.({ phase, ...summary() })
  }
  return {
    counts,
    summary,
    tell,
    taken: (outcomes: readonly IngestOutcome[]) => {
      counts.received += outcomes.filter(({ kind }) => kind === 'stored').length
      tell(phase)
    },
    refused: (more: Refused) => {
      refused = { code: refused?.code ?? more.code, entries: (refused?.entries ?? 0) + more.entries }
    },
    gone: (error: unknown) => {
      failure ??= error
      wake()
    },
    failure: () => failure,
    stop: () => {
      stopped = true
      wake()
    },
    stopped: () => stopped,
    follow: ({ listen }: SyncOptions['store']) => {
      stopListening = listen(() => {
        dirty = true
        wake()
      })
    },
    /** Waits for something new in the store: true; false when it is over. Throws why the connection has ended. */
    fresh: async (): Promise<boolean> => {
      for (;;) {
        if (stopped) return false
        if (failure !== undefined) throw failure
        if (dirty) {
          dirty = false
          return true
        }
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    close: () => stopListening(),
  }
}
