/** What a client does on a connection: says who it is, catches up, reconciles area by area, and stays. */
import type { WillowReader } from '../willow/wire.ts'
import { type AreaView, createAreaView } from './area-view.ts'
import { createArrivalSet } from './arrival-set.ts'
import { signAuth } from './auth.ts'
import type { SyncOptions, SyncResult, SyncStatus } from './client.ts'
import { type FrameType, SyncError } from './contract.ts'
import {
  type AreaRequest,
  challengeBytes,
  encodeAreas,
  encodeAuth,
  encodeLive,
  encodeSince,
  type Refused,
  readHello,
  readServed,
  readSince,
  type Since,
} from './frames.ts'
import type { Link } from './link.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import { createMailman } from './mailman.ts'
import { createPayloads } from './payloads.ts'
import { type ReadRangeFrame, readRangeFrame } from './range-frames.ts'
import { askRounds } from './rounds.ts'
import { type AreaNote, createSyncNotes } from './sync-notes.ts'

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

/** One that is served. */
interface Opened {
  readonly index: number
  readonly request: AreaRequest
  readonly view: AreaView
  note: AreaNote | undefined
}

const arrivalsAtOnce = 512
/** Frames of an answer that wait to be looked at. */
const answersMax = 64

export function createClientSession(options: SyncOptions, link: Link): ClientSession {
  const { store } = options
  const notes = createSyncNotes(options.memory, options.serverName, store)
  const hellos = createMailbox<ReturnType<typeof readHello>>(1)
  const answers = createMailbox<readonly boolean[]>(1)
  const sinces = createMailbox<Since>(1)
  const rounds = createMailbox<ReadRangeFrame>(answersMax)
  const counts = { sent: 0, received: 0, rounds: 0 }
  const heard = createArrivalSet()
  const ended = Promise.withResolvers<void>()
  let refused: Refused | undefined
  let phase: SyncStatus['phase'] = 'connecting'
  let served: readonly boolean[] = []
  let opened: readonly Opened[] = []
  let views: readonly (AreaView | undefined)[] = []
  let following = false
  let owedBefore = false
  let owedNoted = false
  let stopped = false
  let failure: { readonly error: unknown } | undefined
  let stopListening = () => {}

  const summary = () => ({ ...counts, ...(refused === undefined ? {} : { refused }) })
  const tell = (next: SyncStatus['phase']) => {
    phase = next
    options.onStatus?.({ phase, ...summary() })
  }
  const expected = <T>(box: Mailbox<T>) => link.expect(box.take())
  const payloads = createPayloads({
    store,
    link,
    views: () => views,
    wants: options.wants ?? (() => true),
    onSettled: () => {
      if (following) link.changed().then(forgiveOwed).catch(link.break)
    },
  })
  /** Noted before payloads travel, so that whatever ends the connection, the next one looks for them. */
  const noteOwed = async () => {
    if (owedNoted) return
    owedNoted = true
    for (const { request } of opened) await notes.saveOwed(request, true)
  }
  /** When neither side owes the other anything: those that did not come are not to be had. */
  const forgiveOwed = async () => {
    if (!(owedNoted || owedBefore) || payloads.owing() || !link.quiet() || failure !== undefined) return
    owedNoted = owedBefore = false
    for (const { request } of opened) await notes.saveOwed(request, false)
  }
  const mailman = createMailman({
    store,
    link,
    payloads,
    heard,
    ingest: options.ingest ?? (() => ({})),
    maySend: ({ entry }) => views.some(view => view?.includes(entry)),
    onOwing: noteOwed,
    onTaken: outcomes => {
      counts.received += outcomes.filter(({ kind }) => kind === 'stored').length
      tell(phase)
    },
  })

  const handshake = async () => {
    const hello = await expected(hellos)
    if ('version' in hello)
      throw new SyncError('version', `the server speaks version ${hello.version} of the protocol`)
    if (hello.serverName !== options.serverName)
      throw new SyncError('protocol', `expected the server ${options.serverName}, got ${hello.serverName}`)
    const auth = await signAuth(options.ed25519, options.key, hello, options.random(challengeBytes))
    await link.send(encodeAuth(auth))
    await link.send(encodeAreas(options.areas))
    served = await expected(answers)
    if (served.length !== options.areas.length)
      throw new SyncError('protocol', 'expected an answer for every area')
    views = options.areas.map(({ namespace, area }, index) =>
      served[index] === true ? createAreaView(store, namespace, area) : undefined,
    )
    opened = options.areas.flatMap((request, index) => {
      const view = views[index]
      return view === undefined ? [] : [{ index, request, view, note: undefined }]
    })
  }

  const send = async (entries: Parameters<typeof mailman.sendEntries>[0]) => {
    counts.sent += await mailman.sendEntries(entries)
  }
  /** Tells the server what came here after `told`, and not from it; gives how far that reaches. */
  const push = async ({ view }: Opened, told: number): Promise<number> => {
    let arrival = told
    for (;;) {
      const fresh = await store.arrivals(view.namespace, arrival, arrivalsAtOnce)
      await send(fresh.filter(one => view.includes(one.entry) && !heard.has(one.arrival)))
      arrival = fresh.at(-1)?.arrival ?? arrival
      if (fresh.length < arrivalsAtOnce) return arrival
    }
  }
  const catchUp = async (
    area: Opened,
    known: Pick<AreaNote, 'epoch' | 'heard'> | undefined,
    owed: boolean,
  ) => {
    const { index } = area
    await link.send(encodeSince({ area: index, epoch: known?.epoch, arrival: known?.heard ?? 0, owed }))
    const since = await expected(sinces)
    if (since.area !== index || since.epoch === undefined)
      throw new SyncError('protocol', 'expected to hear how far the area is')
    return { epoch: since.epoch, heard: since.arrival }
  }

  const syncArea = async (area: Opened) => {
    const { index, request, view } = area
    const known = await notes.load(request)
    const owed = await notes.owed(request)
    owedBefore ||= owed
    const { sent, received } = counts
    let reached = await catchUp(area, known, owed)
    // A note of another epoch says nothing: the server may have lost what it was told.
    const told = known?.epoch === reached.epoch ? known.told : await store.lastArrival()
    const pushed = await push(area, told)
    // Only when the server has taken it all do sums tell what is still different.
    await link.drained()
    await askRounds({
      link,
      area: index,
      view,
      take: () => expected(rounds),
      send: async keys => send(await view.entriesAt(keys)),
      onRound: () => {
        counts.rounds += 1
        tell('syncing')
      },
    })
    // What was written here meanwhile, and how far the server has come by what it was sent.
    const last = await push(area, pushed)
    await link.drained()
    if (counts.sent > sent || counts.received > received) reached = await catchUp(area, reached, false)
    if (owed) await payloads.sweep(view)
    area.note = { ...reached, told: last }
    await notes.save(request, area.note)
  }

  /** Waits until neither side owes the other anything. */
  const settle = async () => {
    while (payloads.owing() || !link.quiet()) {
      if (failure !== undefined) throw failure.error
      await link.expect(link.changed())
    }
    await forgiveOwed()
  }

  /** Sends what is written here, and takes what is written there, until it is stopped. */
  const stayLive = async () => {
    following = true
    let dirty = true
    let changed = () => {}
    stopListening = store.listen(() => {
      dirty = true
      changed()
    })
    await link.send(encodeLive(opened.map(({ index }) => index)))
    void ended.promise.then(() => changed())
    tell('live')
    const over = () => stopped || failure !== undefined
    while (!over()) {
      if (dirty) {
        dirty = false
        await pushAll()
      } else
        await new Promise<void>(resolve => {
          changed = resolve
        })
    }
    if (failure !== undefined) throw failure.error
  }
  const pushAll = async () => {
    const { sent } = counts
    for (const area of opened) {
      const { note } = area
      if (note === undefined) continue
      const told = await push(area, note.told)
      if (told === note.told) continue
      await link.drained()
      await forgiveOwed()
      area.note = { ...(area.note ?? note), told }
      await notes.save(area.request, area.note)
    }
    if (counts.sent > sent) tell('live')
  }
  /** The server says how far its news have come; the entries before it are stored by now. */
  const hearSince = async (since: Since) => {
    if (!following) return sinces.put(since)
    const area = opened.find(({ index }) => index === since.area)
    if (area?.note === undefined || since.epoch === undefined) return undefined
    area.note = { ...area.note, epoch: since.epoch, heard: since.arrival }
    return notes.save(area.request, area.note)
  }

  return {
    handle: async (type, reader) => {
      if (type === 'hello') hellos.put(readHello(reader))
      else if (type === 'capabilities') answers.put(readServed(reader))
      else if (type === 'since') await hearSince(readSince(reader))
      else if (type === 'ranges') rounds.put(readRangeFrame(reader))
      else if (type === 'entries') return mailman.takeEntries(reader)
      else if (type === 'want') await payloads.takeWant(reader)
      else if (type === 'payload') await payloads.takeChunk(reader)
      else throw new SyncError('protocol', `expected another kind of frame, got ${type}`)
      return undefined
    },
    refused: more => {
      refused = { code: refused?.code ?? more.code, entries: (refused?.entries ?? 0) + more.entries }
    },
    gone: error => {
      failure ??= { error }
      ended.resolve()
      hellos.fail(error)
      answers.fail(error)
      sinces.fail(error)
      rounds.fail(error)
    },
    why: () => failure?.error,
    stop: () => {
      stopped = true
      ended.resolve()
    },
    work: async () => {
      tell('connecting')
      await handshake()
      tell('syncing')
      for (const area of opened) await syncArea(area)
      await settle()
      tell('equal')
      if (options.live && !stopped) {
        await stayLive().catch((error: unknown) => {
          // Whoever stops it wants no more than that it ends.
          if (!stopped) throw error
        })
      }
      tell('ended')
      return { ...summary(), served }
    },
    close: () => stopListening(),
  }
}
