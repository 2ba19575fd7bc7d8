/** Watches what relays say to one another. */
import { isPrivateHost } from '../../server/skrepka/mesh/names.ts'
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import type { Loop } from './loop.ts'
import type { Network, Passage } from './network.ts'
import type { Oracle } from './oracle.ts'
import type { Plan } from './plan.ts'

export interface WatchOptions {
  readonly network: Network
  readonly oracle: Oracle
  readonly loop: Loop
  readonly relays: readonly ServerName[]
  /** Those that are held to all invariants. */
  readonly hardened: ReadonlySet<ServerName>
  readonly policy: Plan['policy']
}

/** What relays of ours give to a peer without proof in an hour, in worlds. */
export const unprovenBytesPerHour = 64 * 1024
/** A message may pass the budget that was not used up before it. */
const budgetSlackBytes = 64 * 1024
const hourMs = 3_600_000
/** How often a relay that does not restart gets a 200 of one peer for one message, at most. */
const carriedMax = 2
/** How long a login is a reason to send mail there: what a proof is good for, and clocks that were set. */
const provenMs = 155 * 60_000 + 2 * hourMs

/** Gives what is to be told when a relay boots: what it did not have on disk it cannot know any more. */
export function watchFederation(options: WatchOptions): (name: ServerName) => void {
  const { network, oracle, loop, relays, hardened, policy } = options
  const boots = new Map<ServerName, number>()
  const lifeOf = (name: ServerName) => `${name}#${boots.get(name) ?? 0}`

  const logins = new Map<string, number>()
  const given = new Map<string, { atMs: number; bytes: number }[]>()
  const balance = new Map<string, number>()
  const carried = new Map<string, number>()

  const isProven = (server: ServerName, key: KeyHex) => {
    const atMs = logins.get(`${key} ${server}`)
    return atMs !== undefined && loop.elapsedMs() - atMs <= provenMs
  }
  const checkMail = ({ from, to, request }: Passage) => {
    for (const { toKey, encryptedBlob } of forwardsIn(request.body)) {
      // What a relay of the seed's kind says of its people cannot be proven, and is true.
      if (isProven(to, toKey) && hardened.has(to)) continue
      if (policy === 'require')
        oracle.violate('I4', `mail for ${toKey.slice(0, 8)} from ${from.name} to ${to}, where she never was`)
      if (policy !== 'prefer') continue
      const name = `${lifeOf(from.name)} ${to}`
      const now = loop.elapsedMs()
      const recent = (given.get(name) ?? []).filter(one => one.atMs > now - hourMs)
      recent.push({ atMs: now, bytes: encryptedBlob.length / 2 })
      given.set(name, recent)
      const bytes = recent.reduce((sum, one) => sum + one.bytes, 0)
      if (bytes > unprovenBytesPerHour + budgetSlackBytes)
        oracle.violate('I4', `${bytes} bytes within an hour from ${from.name} to ${to} without proof`)
    }
  }
  const checkBalance = ({ from, to, request }: Passage) => {
    if (policy !== 'require' || relays.includes(to)) return
    const name = `${from.name} ${to}`
    const bytes = (balance.get(name) ?? 0) + (request.body?.length ?? 0)
    balance.set(name, bytes)
    const got = balance.get(`${to} ${from.name}`) ?? 0
    if (bytes > got + 64 * 1024)
      oracle.violate('I8', `${bytes} bytes from ${from.name} to ${to}, ${got} back`)
  }
  const checkCarried = ({ from, to, request, answer }: Passage) => {
    const fates = [...(answer?.body ?? '').matchAll(/"status":"(\w+)"/g)].map(([, status]) => status)
    for (const [index, { encryptedBlob }] of forwardsIn(request.body).entries()) {
      if ((fates[index] ?? 'stored') !== 'stored') continue
      const name = `${lifeOf(from.name)} ${to} ${encryptedBlob}`
      const times = (carried.get(name) ?? 0) + 1
      carried.set(name, times)
      // Once more is what a false 404 between the two costs; more than that is a circle.
      if (times === carriedMax + 1 && oracle.messages.has(encryptedBlob))
        oracle.violate(
          'I12',
          `${oracle.messages.get(encryptedBlob)?.id} was carried ${times} times to ${to} by ${from.name}`,
        )
    }
  }

  network.watch(passage => {
    const { from, to, request, answer, kind } = passage
    // Her own signature came there: whatever became of the answer, the relay can show it.
    if (kind === 'arrives' && request.path === '/auth/verify' && from.name.startsWith('user')) {
      const key = /"pubkey":"([0-9a-f]{64})"/.exec(request.body ?? '')?.[1]
      if (key !== undefined) logins.set(`${key} ${to}`, loop.elapsedMs())
    }
    if (from.name === 'mallory')
      balance.set(
        `evil.example ${to}`,
        (balance.get(`evil.example ${to}`) ?? 0) + (request.body?.length ?? 0),
      )
    if (!hardened.has(from.name)) return
    if (kind === 'unanswered' || kind === 'arrives') {
      if (isPrivateHost(to.split(':')[0] ?? '')) oracle.violate('I9', `${from.name} calls ${to}`)
    }
    if (kind === 'arrives') {
      checkMail(passage)
      checkBalance(passage)
    }
    if (kind !== 'answered' || answer === undefined) return
    if (answer.status === 200 && relays.includes(to)) checkCarried(passage)
    if (answer.status === 400 && hardened.has(to))
      oracle.violate('I12', `${to} refuses ${from.name}: ${request.path} ${answer.body}`)
  })
  return name => void boots.set(name, (boots.get(name) ?? 0) + 1)
}

/** Mail in a forward, single or in a batch. */
function forwardsIn(body: string | undefined): { readonly toKey: KeyHex; readonly encryptedBlob: string }[] {
  if (body === undefined || !body.includes('"toKey"')) return []
  const found: { toKey: KeyHex; encryptedBlob: string }[] = []
  for (const [, one = ''] of body.matchAll(/\{([^{}]*"toKey"[^{}]*)\}/g)) {
    const toKey = /"toKey":"([0-9a-f]*)"/.exec(one)?.[1]
    const encryptedBlob = /"encryptedBlob":"([0-9a-f]*)"/.exec(one)?.[1]
    if (toKey !== undefined && encryptedBlob !== undefined) found.push({ toKey, encryptedBlob })
  }
  return found
}
