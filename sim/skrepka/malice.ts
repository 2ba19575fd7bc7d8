/** An enemy with a server name of its own, with keys as many as it likes, and with ears on the network. */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import { challengeOf } from '../../server/skrepka/mesh/proof.ts'
import { type Loop, worldStartMs } from './loop.ts'
import type { NetAnswer, Network, Sender } from './network.ts'
import type { Oracle } from './oracle.ts'
import { createPerson, type Person } from './person.ts'
import type { SeededRandom } from './random.ts'

/** What an enemy can do. */
export const malices = [
  'forge-online',
  'forge-offline',
  'forge-proof',
  'craft-proof',
  'replay-proof',
  'replay-login',
  'point-inward',
  'flood-forward',
  'flood-mailbox',
  'name-key',
  'abuse-cursor',
  'garbage',
] as const
export type Malice = (typeof malices)[number]

export const evilName = 'evil.example'

export interface Enemy {
  /** Does it to this relay, to this person. */
  act(malice: Malice, relay: ServerName, victim: KeyHex): void
  /** From now on its server answers as a good one would, and keeps what it gets. */
  pretend(): void
}

export interface EnemyOptions {
  readonly loop: Loop
  readonly network: Network
  readonly oracle: Oracle
  readonly random: SeededRandom
  /** Names of real relays, to speak in. */
  readonly relays: readonly ServerName[]
}

const callMs = 10_000
/** Proofs that are remembered. */
const proofsMax = 50
const floodMessages = 100

interface Overheard {
  readonly fromServer: ServerName
  readonly pubkey: KeyHex
  readonly proof: Readonly<Record<string, unknown>>
}

const inwardNames = [
  'localhost:8080',
  '127.0.0.1',
  '10.0.0.8',
  '169.254.169.254',
  '172.16.3.4',
  '100.64.0.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  'metadata',
  'redis',
  'db.internal:80',
  'a.local:1',
]
const wildCursors: readonly unknown[] = [-1, -(2 ** 53), 2 ** 53, 1e308, 0.5, '7', null, [], {}, true, 1e15]

export function createEnemy(options: EnemyOptions): Enemy {
  const { loop, network, oracle, random, relays } = options
  const overheard: Overheard[] = []
  const sybils: Person[] = []
  let junks = 0

  const from = (): Sender => ({ name: 'mallory', address: `192.0.2.${random.between(1, 4)}` })
  const call = async (
    to: ServerName,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<NetAnswer | undefined> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    try {
      return await network.send(from(), to, { method: 'POST', path, headers, body: text }, callMs)
    } catch {
      return undefined // an enemy does not mind
    }
  }
  const gossip = (to: ServerName, fromServer: string, events: readonly unknown[]) =>
    call(to, '/federation/gossip', { events, fromServer })
  const junk = () => {
    const blob = Buffer.from(`junk ${(junks += 1)} ${random.integer(1e9)}`).toString('hex')
    oracle.junk(blob)
    return blob
  }
  const logIn = async (to: ServerName): Promise<string | undefined> => {
    if (sybils.length < 20) sybils.push(createPerson(`sybil ${sybils.length}`))
    const person = random.pick(sybils)
    const challenge = textOf(await call(to, '/auth/challenge', { pubkey: person.key }), 'challenge')
    if (challenge === undefined) return undefined
    const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers: false }
    return textOf(await call(to, '/auth/verify', body), 'token')
  }

  network.watch(({ kind, request }) => {
    if (kind !== 'arrives' || request.path !== '/federation/gossip' || request.body === undefined) return
    for (const one of proofsIn(request.body)) overheard.push(one)
    if (overheard.length > proofsMax) overheard.splice(0, overheard.length - proofsMax)
  })
  let pretends = false
  const goodAnswer = (path: string): NetAnswer =>
    path.startsWith('/.well-known/')
      ? { status: 200, headers: {}, body: `{"features":[],"name":"${evilName}","policy":"open"}` }
      : { status: 200, headers: {}, body: '{}' }
  network.listen(evilName, (_from, { path }) => {
    if (pretends) return Promise.resolve(goodAnswer(path))
    const answers: readonly (NetAnswer | undefined)[] = [
      { status: 200, headers: {}, body: '{}' },
      { status: 200, headers: {}, body: '{}' },
      { status: 200, headers: {}, body: '{"name":"evil.example","features":["batch"],"policy":"open"}' },
      { status: 404, headers: {}, body: '{"error":"no_presence"}' },
      { status: 429, headers: { 'retry-after': '999999' }, body: '{"error":"Rate limit exceeded"}' },
      { status: 500, headers: {}, body: 'x'.repeat(100_000) },
      { status: 302, headers: { location: 'http://127.0.0.1/' }, body: '' },
      undefined,
    ]
    const answer = random.pick(answers)
    return answer === undefined ? new Promise<NetAnswer>(() => undefined) : Promise.resolve(answer)
  })

  const replayLogin = async (relay: ServerName) => {
    for (const { pubkey, proof } of overheard.slice(-5)) {
      const { challenge, signature } = proof
      const answer = await call(relay, '/auth/verify', { pubkey, challenge, signature, revokeOthers: true })
      if (answer?.status === 200 && textOf(answer, 'token') !== undefined)
        oracle.violate('I11', `a proof overheard for ${pubkey} logged in at ${relay}`)
    }
  }
  const floodMailbox = async (relay: ServerName, to: KeyHex) => {
    const token = await logIn(relay)
    const messages = Array.from({ length: floodMessages }, () => ({ to, encryptedBlob: junk() }))
    await call(relay, '/messages', { messages }, { authorization: `Bearer ${token}` })
  }
  const abuseCursor = async (relay: ServerName) => {
    const headers = { authorization: `Bearer ${await logIn(relay)}` }
    for (const cursor of wildCursors) void call(relay, '/poll', { cursor }, headers)
  }
  const speakGarbage = (relay: ServerName) => {
    for (const path of ['/poll', '/messages', '/auth/verify', '/federation/gossip', '/federation/forward'])
      for (const body of ['', '{', '[]', '{"events":[{}],"fromServer":{}}', '\u0000', '9'.repeat(5000)])
        void call(relay, path, body)
  }
  const nameKey = (relay: ServerName, pubkey: KeyHex) => {
    for (let count = 0; count < 12; count += 1) void call(relay, '/auth/challenge', { pubkey })
  }
  const bogusProof = () => ({
    challenge: hexOf(random.bytes(24)),
    r: hexOf(random.bytes(16)),
    signature: hexOf(random.bytes(64)),
  })
  /** Right in all but the signature, which is of another key. */
  const craftedProof = (key: KeyHex) => {
    const atMs = worldStartMs + Math.floor(loop.elapsedMs())
    const houseKey = Buffer.alloc(32, 1)
    const made = challengeOf({
      houseKey,
      serverHost: evilName,
      key,
      address: '',
      atMs,
      nonce: random.bytes(4),
    })
    return { ...made, signature: createPerson('sybil 0').sign(made.challenge) }
  }
  const impersonated = (relay: ServerName) =>
    random.pick(relays.length > 1 ? relays.filter(one => one !== relay) : relays)

  const acts: Readonly<Record<Malice, (relay: ServerName, victim: KeyHex) => unknown>> = {
    'forge-online': (relay, pubkey) => gossip(relay, evilName, [{ eventType: 'online', pubkey }]),
    'forge-offline': (relay, pubkey) =>
      gossip(relay, impersonated(relay), [{ eventType: 'offline', pubkey }]),
    'forge-proof': (relay, pubkey) =>
      gossip(relay, evilName, [{ eventType: 'online', pubkey, proof: bogusProof() }]),
    'craft-proof': (relay, pubkey) =>
      gossip(relay, evilName, [{ eventType: 'online', pubkey, proof: craftedProof(pubkey) }]),
    'replay-proof': relay => {
      const events = overheard.map(({ pubkey, proof }) => ({ eventType: 'online', pubkey, proof }))
      return gossip(relay, evilName, events)
    },
    'replay-login': replayLogin,
    'point-inward': (relay, pubkey) => {
      for (const name of inwardNames) void gossip(relay, name, [{ eventType: 'online', pubkey }])
    },
    'flood-forward': (relay, toKey) => {
      for (let count = 0; count < floodMessages; count += 1)
        void call(relay, '/federation/forward', { toKey, encryptedBlob: junk() })
    },
    'flood-mailbox': floodMailbox,
    'name-key': nameKey,
    'abuse-cursor': abuseCursor,
    garbage: speakGarbage,
  }
  return {
    act: (malice, relay, victim) => void loop.at(0, () => void acts[malice](relay, victim)),
    pretend: () => {
      pretends = true
    },
  }
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function textOf(answer: NetAnswer | undefined, name: string): string | undefined {
  if (answer?.status !== 200) return undefined
  try {
    const value = (JSON.parse(answer.body) as Record<string, unknown>)[name]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined // not JSON
  }
}

function proofsIn(body: string): Overheard[] {
  try {
    const { events, fromServer } = JSON.parse(body) as { events?: unknown; fromServer?: unknown }
    if (!Array.isArray(events) || typeof fromServer !== 'string') return []
    return events.flatMap((event: { pubkey?: unknown; proof?: unknown }) =>
      typeof event?.pubkey === 'string' && typeof event.proof === 'object' && event.proof !== null
        ? [{ fromServer, pubkey: event.pubkey, proof: { ...event.proof } }]
        : [],
    )
  } catch {
    return [] // an enemy hears garbage as well
  }
}
