/** A community whose writers may be cut off at any moment, and what must be true of it afterwards. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type ChainHead, chainBegin, verifyChain } from '@leaf/streams/chain'
import { createLeafClient } from '@leaf/streams/node/client'
import { sha256, verifyDidKey } from '@leaf/streams/node/crypto'
import { createHarness } from '@leaf/streams/node/harness'
import type { LeafClient } from '@muni-town/leaf-client'
import { payloadOf } from '../../../examples/community/events.ts'
import { community } from '../../../examples/community/module.ts'
import type { Leaf } from '../support/leaf.ts'
import type { Seeded } from '../support/seed.ts'
import { communityModule } from './modules.ts'
import { unsafeToken } from './people.ts'

/** Events of the largest batch. */
const batchMax = 4
/** One request in so many tells how far somebody has read. */
const stateOneIn = 6
/** Between attempts of a writer who was refused. */
const refusedPauseMs = 5

export interface CommunityLog {
  readonly stream: string
  /** How many requests were answered. */
  answers(): number
  /** How many were refused. */
  refusals(): number
  /** Writes until `signal`, or until the connection is lost. */
  write(client: LeafClient, name: string, signal: AbortSignal): Promise<void>
  /**
   * Throws when an answered event is missing, a batch is there in part, the chain does not hold or goes back before what
   * was verified earlier, or the tables are others than the log gives.
   */
  check(): Promise<void>
}

/** Makes the community; the operator is its founder. */
export async function createCommunityLog(
  leaf: () => Leaf,
  client: LeafClient,
  random: Seeded,
): Promise<CommunityLog> {
  const { moduleCid } = await client.uploadBasicModule(communityModule)
  const { streamDid: stream } = await client.createStream(moduleCid)
  await client.sendEvents(stream, [
    payloadOf('space', { type: 'createSpace', name: 'Garden club', joinRule: 'open' }),
    payloadOf('room', { type: 'createRoom', room: 'hall', name: 'Hall' }),
  ])
  const key = await keyOf(leaf(), stream)
  const harness = createHarness(community.module)
  const answered = new Set<string>()
  const seen = new Set<string>()
  let answers = 0
  let refusals = 0
  let requests = 0
  let readIdx = 0
  let head: ChainHead = chainBegin

  const batch = (name: string) => {
    const size = 1 + random.integer(batchMax)
    const ids = Array.from({ length: size }, (_, at) => `${name}.${requests}.${at}.${size}`)
    requests += 1
    return ids
  }
  const once = async (client: LeafClient, name: string) => {
    if (head.idx > 0 && random.integer(stateOneIn) === 0) {
      const idx = readIdx + 1
      await client.sendStateEvents(stream, [payloadOf(name, { type: 'markRead', room: 'hall', idx })])
      readIdx = Math.max(readIdx, idx)
    } else {
      const ids = batch(name)
      const payloads = ids.map(id => payloadOf(id, { type: 'sendMessage', room: 'hall', body: id }))
      await client.sendEvents(stream, payloads)
      for (const id of ids) answered.add(id)
    }
    answers += 1
  }
  return {
    stream,
    answers: () => answers,
    refusals: () => refusals,
    write: async (client, name, signal) => {
      const lost = new Promise<never>((_, reject) =>
        client.socket.once('disconnect', () => reject(new Error('lost'))),
      )
      lost.catch(() => {})
      while (!signal.aborted && client.socket.connected) {
        try {
          // The published client waits for ever for what a lost connection swallowed.
          await Promise.race([once(client, name), lost])
        } catch {
          refusals += 1
          await delay(refusedPauseMs)
        }
      }
    },
    check: async () => {
      const reader = createLeafClient(leaf().url, async () => unsafeToken)
      try {
        for (let upToDate = false; !upToDate; ) {
          const page = await reader.readLog(stream, { after: head.idx, limit: 1000 })
          const verify = (message: Uint8Array, signature: Uint8Array) => verifyDidKey(key, message, signature)
          head = await verifyChain(stream, page.events, { sha256, verify }, head)
          for (const { user, payload } of page.events) harness.send(user, payload)
          upToDate = page.upToDate
        }
        assert.equal(head.signedIdx, head.idx, 'the last event is signed')
        const log = harness.query(null, { name: 'space' })
        assert.deepEqual(await reader.query(stream, { name: 'space' }), log)
        const user = harness.log()[0]?.user ?? ''
        const messages = community.query('messages', { room: 'hall' }, { start: 1, limit: 10_000 })
        const said = await reader.query(stream, messages)
        assert.deepEqual(said, harness.query(user, messages), 'the tables are what the log gives')
        const members = community.query('members', {})
        assert.deepEqual(await reader.query(stream, members), harness.query(user, members))
        for (const event of harness.log().slice(seen.size)) seen.add(idOf(event.payload))
        for (const id of answered) assert.ok(seen.has(id), `answered and gone: ${id}`)
        for (const id of seen) assert.ok(isWhole(id, seen), `a batch is there in part: ${id}`)
        const [overview] = await reader.query(stream, community.query('overview', {}))
        const rooms = JSON.parse(overview?.json ?? '{}').rooms as readonly { readIdx: number | null }[]
        assert.ok((rooms[0]?.readIdx ?? 0) >= readIdx, 'an answered state event is gone')
      } finally {
        reader.disconnect()
      }
    },
  }
}

/** The id that the payload begins with: the first text after its name. */
function idOf(payload: Uint8Array): string {
  const text = Buffer.from(payload).toString('latin1')
  return /(?:w\d+-\d+\.\d+\.\d+\.\d)|space|room/.exec(text)?.[0] ?? ''
}

function isWhole(id: string, seen: ReadonlySet<string>): boolean {
  const [name, request, , size = ''] = id.split('.')
  if (size === '') return true
  return Array.from({ length: Number(size) }, (_, at) => `${name}.${request}.${at}.${size}`).every(one =>
    seen.has(one),
  )
}

async function keyOf(leaf: Leaf, stream: string): Promise<string> {
  const data = (await (await fetch(`${leaf.plcUrl}/${stream}/data`)).json()) as {
    readonly verificationMethods: Readonly<Record<string, string>>
  }
  return data.verificationMethods['leaf_server'] ?? assert.fail('no key')
}
