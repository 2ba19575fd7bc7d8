/** A client that speaks the protocol's bytes and keeps none of its rules. */
import type { KeyPair } from '@leaf/entities/crypto'
import { signAuth } from '@leaf/entities/sync/auth'
import type { FrameType } from '@leaf/entities/sync/contract'
import {
  type AreaRequest,
  encodeAreas,
  encodeAuth,
  openFrame,
  readError,
  readHello,
} from '@leaf/entities/sync/frames'
import { serveSync, type ServeOptions } from '@leaf/entities/sync/server'
import { faultyConnection } from './connection.ts'
import { areaOf, ed25519, serveOptions } from './world.ts'

export interface Heard {
  readonly type: FrameType
  readonly frame: Uint8Array
}

export interface Rogue {
  send(frame: Uint8Array): Promise<void>
  /** The next frame of the server; undefined: it has closed. */
  hear(): Promise<Heard | undefined>
  /** Frames until one of this type. */
  hearUntil(type: FrameType): Promise<Heard | undefined>
  close(): void
}

export interface Attack {
  readonly server: ServeOptions['store']
  readonly random: (length: number) => Uint8Array
  readonly key: KeyPair
  readonly areas?: readonly AreaRequest[]
  readonly serving?: Partial<ServeOptions>
  /** Without it the rogue says who it is first, as it should. */
  readonly rude?: boolean
}

/** Lets a rogue loose on a server; gives why the server ended, everything that it said, and the code of its last error. */
export async function attack(options: Attack, act: (rogue: Rogue) => Promise<void>) {
  const connection = faultyConnection()
  const serving = serveSync(serveOptions({ ...options, connection }))
  const said: Uint8Array[] = []
  const frames = connection.client.frames[Symbol.asyncIterator]()
  const hear = async (): Promise<Heard | undefined> => {
    const next = await frames.next()
    if (next.done === true) return undefined
    said.push(next.value)
    return { type: openFrame(next.value).type, frame: next.value }
  }
  const rogue: Rogue = {
    send: frame => connection.client.send(frame).catch(() => undefined),
    hear,
    hearUntil: async type => {
      for (let heard = await hear(); heard !== undefined; heard = await hear())
        if (heard.type === type) return heard
      return undefined
    },
    close: () => connection.client.close(),
  }
  if (options.rude !== true) await introduce(rogue, options)
  await act(rogue)
  for (let heard = await hear(); heard !== undefined; heard = await hear());
  const last = said.map(frame => openFrame(frame)).findLast(({ type }) => type === 'error')
  return { why: await serving, said, told: last === undefined ? undefined : readError(last.reader).code }
}

async function introduce(rogue: Rogue, { key, random, areas }: Attack): Promise<void> {
  const hello = await rogue.hear()
  if (hello === undefined) return
  const read = readHello(openFrame(hello.frame).reader)
  if ('version' in read) return
  await rogue.send(encodeAuth(await signAuth(ed25519, key, read, random(32))))
  await rogue.send(encodeAreas(areas ?? [areaOf(key)]))
  await rogue.hearUntil('capabilities')
}
