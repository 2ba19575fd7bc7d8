/** The side that is asked: a store that serves areas to whoever may read them. It keeps nothing between rounds. */
import type { Ed25519 } from '../crypto.ts'
import { receiverOf } from '../meadowcap/capability.ts'
import type { Verifier } from '../meadowcap/verify.ts'
import type { EntryStore, IngestOptions, IngestOutcome, StoredEntry } from '../store/contract.ts'
import { areaIncludes } from '../willow/area.ts'
import { equalBytes } from '../willow/path.ts'
import type { WillowReader } from '../willow/wire.ts'
import { type AreaView, createAreaView } from './area-view.ts'
import { verifyAuth } from './auth.ts'
import { type FrameType, SyncError, syncLimits, type Transport } from './contract.ts'
import {
  type AreaRequest,
  challengeBytes,
  encodeHello,
  encodeServed,
  encodeSince,
  readAreas,
  readAuth,
  readLive,
  readSince,
} from './frames.ts'
import { createLink, type Link } from './link.ts'
import { createMailman, type Mailman } from './mailman.ts'
import { createRangeFrame, type RangeItem, readRangeFrame } from './range-frames.ts'
import { answerItem } from './reconcile.ts'

/** Who is at the other end: her key. */
export interface Client {
  readonly key: Uint8Array
}

export interface ServeOptions {
  readonly store: EntryStore
  readonly transport: Transport
  readonly ed25519: Ed25519
  readonly verifier: Verifier
  readonly random: (length: number) => Uint8Array
  /** As clients name it: host, and port if it is not the usual one. */
  readonly serverName: string
  /** To which others may delegate. */
  readonly serverKey: Uint8Array
  /** Whether everybody may read this area. */
  readonly isPublic: (request: AreaRequest) => Promise<boolean>
  /** What is taken of this client's entries; asked before every frame. */
  readonly ingest: (client: Client) => IngestOptions
  /** Whether the server wants this payload. */
  readonly wants: (client: Client, entry: StoredEntry['entry']) => boolean
  /** For counting. */
  readonly onTaken?: (outcomes: readonly IngestOutcome[]) => void
  /** Ends it: the house stops. */
  readonly signal: AbortSignal
}

/** Entries read at once when a client catches up. */
const arrivalsAtOnce = 512

/** Serves one client until it goes. Never throws for what the client did: it is told, and the transport closed. Gives why it ended. */
export async function serveSync(options: ServeOptions): Promise<SyncError | undefined> {
  const link = createLink(options.transport)
  const challenge = options.random(challengeBytes)
  const session = createSession(options, link, challenge)
  const stop = () => void link.end(new SyncError('unavailable', 'the server is stopping'))
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    const { serverKey, serverName } = options
    await link.send(encodeHello({ challenge, serverKey, serverName }))
    await link.run((type, reader) => session.handle(type, reader))
    await link.end()
    return undefined
  } catch (error) {
    const told =
      error instanceof SyncError ? error : new SyncError('unavailable', 'the server failed; nothing was lost')
    await link.end(told)
    if (error instanceof SyncError) return told
    throw error
  } finally {
    options.signal.removeEventListener('abort', stop)
    session.close()
  }
}

interface Session {
  handle(type: FrameType, reader: WillowReader): Promise<void>
  close(): void
}

function createSession(options: ServeOptions, link: Link, challenge: Uint8Array): Session {
  const { store } = options
  let client: Client | undefined
  let areas: readonly (AreaView | undefined)[] | undefined
  const live = new Set<number>()
  let stopListening: (() => void) | undefined
  let pushing: Promise<void> | undefined

  const readable = ({ entry }: StoredEntry) =>
    areas?.some(
      view =>
        view !== undefined && equalBytes(view.namespace, entry.namespace) && areaIncludes(view.area, entry),
    ) ?? false
  const mailman: Mailman = createMailman({
    store,
    link,
    ingest: () => (client === undefined ? {} : options.ingest(client)),
    maySend: readable,
    wants: entry => client !== undefined && options.wants(client, entry),
    ...(options.onTaken === undefined ? {} : { onTaken: options.onTaken }),
  })
  const viewOf = (area: number): AreaView => {
    const view = areas?.[area]
    if (view === undefined)
      throw new SyncError('not-authorised', `expected an area that is served, got ${area}`)
    return view
  }

  const authenticate = async (reader: WillowReader) => {
    const auth = readAuth(reader)
    const { serverName } = options
    if (!(await verifyAuth(options.ed25519, { serverName, challenge }, auth)))
      throw new SyncError('not-authorised', 'expected a signature by this key for this server')
    client = { key: auth.key }
  }

  const mayRead = async (request: AreaRequest, key: Uint8Array): Promise<boolean> => {
    const { capability } = request
    if (capability === undefined) return options.isPublic(request)
    return (
      capability.mode === 'read' &&
      equalBytes(capability.namespace, request.namespace) &&
      equalBytes(receiverOf(capability), key) &&
      (await options.verifier.capabilityFault(capability)) === undefined
    )
  }
  const openAreas = async (reader: WillowReader, key: Uint8Array) => {
    const requests = readAreas(reader)
    areas = await Promise.all(
      requests.map(async request =>
        (await mayRead(request, key)) ? createAreaView(store, request.namespace, request.area) : undefined,
      ),
    )
    await link.send(encodeServed(areas.map(view => view !== undefined)))
  }

  /** Sends what came after `arrival`, and says how far that reaches. */
  const catchUp = async (area: number, from: { epoch: string | undefined; arrival: number }) => {
    const view = viewOf(area)
    const epoch = await store.epoch()
    let { arrival } = from
    if (from.epoch === epoch) {
      for (;;) {
        const fresh = await store.arrivals(view.namespace, arrival, arrivalsAtOnce)
        await mailman.sendEntries(fresh.filter(({ entry }) => view.includes(entry)))
        arrival = fresh.at(-1)?.arrival ?? arrival
        if (fresh.length < arrivalsAtOnce) break
      }
    } else arrival = await store.lastArrival()
    await link.send(encodeSince({ area, epoch, arrival }))
    return arrival
  }

  const follow = (area: number) => {
    live.add(area)
    const reached = new Map<number, number>()
    const push = async () => {
      for (const one of live) {
        const from = reached.get(one) ?? (await store.lastArrival())
        const epoch = await store.epoch()
        const latest = await store.lastArrival()
        if (latest > from) reached.set(one, await catchUp(one, { epoch, arrival: from }))
        else reached.set(one, from)
      }
    }
    let again = false
    const wake = () => {
      if (pushing !== undefined) {
        again = true
        return
      }
      pushing = push()
        .catch(() => undefined)
        .then(() => {
          pushing = undefined
          if (again) {
            again = false
            wake()
          }
        })
    }
    stopListening ??= store.listen(wake)
    wake()
  }

  /** Answers one frame of a round, within the bounds of a round. */
  const round = createRounds(link, mailman)

  return {
    handle: async (type, reader) => {
      if (type === 'auth' && client === undefined) return authenticate(reader)
      if (client === undefined) throw new SyncError('not-authorised', 'expected a signature first')
      if (type === 'capabilities' && areas === undefined) return openAreas(reader, client.key)
      if (type === 'entries') return mailman.takeEntries(reader)
      if (type === 'want') return mailman.takeWant(reader)
      if (type === 'payload') return mailman.takeChunk(reader)
      if (type === 'since') {
        const since = readSince(reader)
        return void (await catchUp(since.area, since))
      }
      if (type === 'live') return follow(readLive(reader))
      if (type === 'ranges') {
        const frame = readRangeFrame(reader)
        return round(viewOf(frame.area), frame)
      }
      throw new SyncError('protocol', `expected another kind of frame, got ${type}`)
    },
    close: () => {
      stopListening?.()
      live.clear()
    },
  }
}

/** Collects the answer to a round over its frames, and sends it with the last one. */
function createRounds(link: Link, mailman: Mailman) {
  let frames = 0
  return async (
    view: AreaView,
    {
      area,
      last,
      items,
    }: { readonly area: number; readonly last: boolean; readonly items: readonly RangeItem[] },
  ): Promise<void> => {
    let frame = createRangeFrame(area)
    for (const item of items) {
      const full = frames >= syncLimits.roundFramesMax - 1
      const step = full
        ? { items: [{ kind: 'again' as const, start: item.start, end: item.end }], send: [] }
        : await answerItem(view, item)
      await mailman.sendKeys(keys => view.entriesAt(keys), step.send)
      for (const answer of step.items) {
        if (frame.add(answer)) continue
        await link.send(frame.finish(false))
        frames += 1
        frame = createRangeFrame(area)
        frame.add(answer)
      }
    }
    if (!last && frame.count === 0) return
    await link.send(frame.finish(last))
    frames = last ? 0 : frames + 1
  }
}
