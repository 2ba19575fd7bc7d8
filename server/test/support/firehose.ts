import { decode, decodeFirst, fromBytes } from '@atcute/cbor'
import { readCar } from '@atproto/repo'
import { WebSocket } from 'ws'

/** How long nothing may come while a test waits. */
const waitMsMax = 20_000
/** Events that a subscriber keeps at most; a test that needs more has a fault. */
const eventsMax = 500_000

/** A frame of `com.atproto.sync.subscribeRepos`, decoded. */
export interface Frame {
  readonly op: number
  /** `#commit`, `#sync`, `#identity`, `#account`, `#info`; absent on errors. */
  readonly t: string | undefined
  readonly body: Readonly<Record<string, unknown>>
  readonly bytes: number
  /** `performance.now()` at its arrival. */
  readonly at: number
}

export interface Subscriber {
  /** Every message so far, in order of arrival. */
  readonly frames: readonly Frame[]
  readonly pings: () => number
  /** The first frame, past or future, that `wanted` holds for. */
  find(wanted: (frame: Frame) => boolean): Promise<Frame>
  /** The first `count` frames that `wanted` (default: all) holds for. */
  atLeast(count: number, wanted?: (frame: Frame) => boolean): Promise<readonly Frame[]>
  /** How the server closed the connection. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  /** Takes nothing from the socket any more, until `resume`. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

export interface SubscribeOptions {
  readonly cursor?: number | string | undefined
  /** Called for each frame instead of keeping it. */
  readonly onFrame?: (frame: Frame) => void
}

/** Subscribes to the firehose of the PDS at `url`; resolves when the connection is open. */
export async function subscribe(url: string, options: SubscribeOptions = {}): Promise<Subscriber> {
  const query = options.cursor === undefined ? '' : `?cursor=${options.cursor}`
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/xrpc/com.atproto.sync.subscribeRepos${query}`, {
    perMessageDeflate: false,
  })
  const frames: Frame[] = []
  let waiting: (() => void)[] = []
  let pings = 0
  let isClosed = false
  let lastAt = performance.now()
  const wake = () => {
    const woken = waiting
    waiting = []
    for (const resolve of woken) resolve()
  }
  socket.on('message', (data: Buffer) => {
    const frame = decodeFrame(data)
    lastAt = frame.at
    if (options.onFrame !== undefined) options.onFrame(frame)
    else if (frames.push(frame) > eventsMax) socket.terminate()
    wake()
  })
  socket.on('ping', () => {
    pings += 1
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.on('close', (code, reason) => {
      isClosed = true
      wake()
      resolve({ code, reason: reason.toString() })
    })
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => socket.terminate())

  /** Calls `look` after every message, until it gives something; each frame is looked at once. */
  const until = async <Found>(look: (frame: Frame) => Found | undefined): Promise<Found> => {
    const began = performance.now()
    let next = 0
    for (;;) {
      for (let frame = frames[next]; frame !== undefined; frame = frames[next]) {
        next += 1
        const found = look(frame)
        if (found !== undefined) return found
      }
      const left = Math.max(began, lastAt) + waitMsMax - performance.now()
      if (isClosed || left <= 0) {
        throw new Error(
          `${isClosed ? 'the firehose was closed' : 'nothing came'} after ${frames.length} frames`,
        )
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
  return {
    frames,
    pings: () => pings,
    find: wanted => until(frame => (wanted(frame) ? frame : undefined)),
    atLeast: (count, wanted = () => true) => {
      const found: Frame[] = []
      return until(frame => {
        if (wanted(frame)) found.push(frame)
        return found.length === count ? found : undefined
      })
    },
    closed,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: async () => {
      if (isClosed) return
      socket.resume()
      socket.close()
      await closed
    },
  }
}

function decodeFrame(data: Buffer): Frame {
  const [header, rest] = decodeFirst(data) as [{ op: number; t?: string }, Uint8Array]
  const body = decode(rest) as Record<string, unknown>
  return { op: header.op, t: header.t, body, bytes: data.length, at: performance.now() }
}

/** The seq of a frame; errors and `#info` have none. */
export function seqOf(frame: Frame): number {
  const seq = frame.body['seq']
  if (typeof seq !== 'number')
    throw new Error(`expected a numbered frame, got ${frame.t} ${JSON.stringify(frame.body)}`)
  return seq
}

export interface CommitBody {
  readonly seq: number
  readonly repo: string
  readonly rev: string
  readonly since: string | null
  readonly commit: string
  readonly prevData: string | undefined
  readonly ops: readonly {
    readonly action: string
    readonly path: string
    readonly cid: string | null
    readonly prev: string | undefined
  }[]
  readonly car: Uint8Array
}

/** The body of a `#commit` frame, links as text. */
export function commitOf(frame: Frame): CommitBody {
  const body = frame.body as Record<string, any>
  if (frame.t !== '#commit') throw new Error(`expected a commit, got ${frame.t}`)
  return {
    seq: body['seq'],
    repo: body['repo'],
    rev: body['rev'],
    since: body['since'],
    commit: body['commit'].$link,
    prevData: body['prevData']?.$link,
    ops: body['ops'].map((op: any) => ({
      action: op.action,
      path: op.path,
      cid: op.cid?.$link ?? null,
      prev: op.prev?.$link,
    })),
    car: fromBytes(body['blocks']),
  }
}

/** The root of the tree that a commit's CAR describes: the `data` of its commit block. */
export async function dataOf(commit: CommitBody): Promise<string> {
  const { roots, blocks } = await readCar(commit.car)
  const root = roots[0]
  const bytes = root === undefined ? undefined : blocks.get(root)
  if (bytes === undefined) throw new Error('the CAR of a commit does not hold its root')
  const block = decode(bytes) as { data: { $link: string } }
  return block.data.$link
}
