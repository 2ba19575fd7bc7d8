/** The side that answers: serves areas to one client, takes its entries, and tells it of new ones. */
import type { Ed25519 } from '../crypto.ts'
import { receiverOf } from '../meadowcap/capability.ts'
import type { Verifier } from '../meadowcap/verify.ts'
import type { EntryStore, IngestOptions, IngestOutcome, StoredEntry } from '../store/contract.ts'
import { equalBytes } from '../willow/path.ts'
import type { WillowReader } from '../willow/wire.ts'
import { type AreaView, createAreaView } from './area-view.ts'
import { createArrivalSet } from './arrival-set.ts'
import { verifyAuth } from './auth.ts'
import { type After, type FrameType, SyncError, type Transport } from './contract.ts'
import {
  type AreaRequest,
  challengeBytes,
  encodeHello,
  encodeServed,
  type Refused,
  readAreas,
  readAuth,
  readLive,
  readSince,
} from './frames.ts'
import { createFollower } from './follower.ts'
import { createLink, type Link } from './link.ts'
import { createMailman } from './mailman.ts'
import { createPayloads } from './payloads.ts'
import { readRangeFrame } from './range-frames.ts'
import { createAnsweredRounds } from './rounds.ts'

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
  /** A clock's `after`: with it, a client that stays silent where it owes something is given up. */
  readonly after?: After
  readonly silenceMs?: number
}

/** Serves one client until it goes. Never throws for what the client did: it is told, and the transport closed. Gives why it ended. */
export async function serveSync(options: ServeOptions): Promise<SyncError | undefined> {
  const { transport, after, silenceMs, serverKey, serverName, signal } = options
  const link = createLink({ transport, after, silenceMs })
  const challenge = options.random(challengeBytes)
  const session = createSession(options, link, challenge)
  const stop = () => link.break(new SyncError('unavailable', 'the server is stopping'))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const running = link.run((type, reader) => session.handle(type, reader))
    // Until she has said who she is, a client owes the next frame.
    link.expect(session.opened).catch(() => undefined)
    link.send(encodeHello({ challenge, serverKey, serverName })).catch(() => undefined)
    await running
    link.end()
    return undefined
  } catch (error) {
    const told =
      error instanceof SyncError ? error : new SyncError('unavailable', 'the server failed; nothing was lost')
    link.end(told)
    if (error instanceof SyncError) return told
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    session.close()
  }
}

interface Session {
  /** Resolves when the client has said who she is and what she wants, or has gone. */
  readonly opened: Promise<void>
  handle(type: FrameType, reader: WillowReader): Promise<Refused | undefined>
  close(): void
}

function createSession(options: ServeOptions, link: Link, challenge: Uint8Array): Session {
  const { store } = options
  const opened = Promise.withResolvers<void>()
  let client: Client | undefined
  let views: readonly (AreaView | undefined)[] | undefined
  const heard = createArrivalSet()
  const payloads = createPayloads({
    store,
    link,
    views: () => views ?? [],
    wants: entry => client !== undefined && options.wants(client, entry),
  })
  const mailman = createMailman({
    store,
    link,
    payloads,
    heard,
    ingest: () => (client === undefined ? {} : options.ingest(client)),
    maySend: ({ entry }) => views?.some(view => view?.includes(entry)) ?? false,
    ...(options.onTaken === undefined ? {} : { onTaken: options.onTaken }),
  })
  const viewOf = (area: number): AreaView => {
    const view = views?.[area]
    if (view === undefined)
      throw new SyncError('not-authorised', `expected an area that is served, got ${area}`)
    return view
  }
  const follower = createFollower({ store, link, heard, viewOf, send: mailman.sendEntries })
  const answerRound = createAnsweredRounds(link, async (view, keys) => {
    await mailman.sendEntries(await view.entriesAt(keys))
  })

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
    const found: (AreaView | undefined)[] = []
    for (const request of requests) {
      const served = await mayRead(request, key)
      found.push(served ? createAreaView(store, request.namespace, request.area) : undefined)
    }
    views = found
    await link.send(encodeServed(found.map(view => view !== undefined)))
    opened.resolve()
  }
  const catchUp = async (reader: WillowReader) => {
    const since = readSince(reader)
    const view = viewOf(since.area)
    if (since.owed) await payloads.sweep(view)
    await follower.catchUp(since)
  }

  return {
    opened: opened.promise,
    handle: async (type, reader) => {
      if (type === 'auth' && client === undefined) await authenticate(reader)
      else if (client === undefined) throw new SyncError('not-authorised', 'expected a signature first')
      else if (type === 'capabilities' && views === undefined) await openAreas(reader, client.key)
      else if (type === 'entries') return mailman.takeEntries(reader)
      else if (type === 'want') await payloads.takeWant(reader)
      else if (type === 'payload') await payloads.takeChunk(reader)
      else if (type === 'since') await catchUp(reader)
      else if (type === 'live') follower.follow(readLive(reader))
      else if (type === 'ranges') {
        const frame = readRangeFrame(reader)
        await answerRound(viewOf(frame.area), frame)
      } else throw new SyncError('protocol', `expected another kind of frame, got ${type}`)
      return undefined
    },
    close: () => {
      opened.resolve()
      follower.close()
    },
  }
}
