/** The client of this tab. Of all tabs one speaks with the relays; the others read and write the same store. */
import { type Client, createClient } from '@leaf/skrepka/client'
import type { Identity } from '@leaf/skrepka/identity'
import { relayUrl } from '@leaf/skrepka/link'
import type { RelayStatus } from '@leaf/skrepka/relay-runner'
import type { Store } from '@leaf/skrepka/store'
import { clock, leadOneTab, random, storeLock } from './platform.ts'

export interface Session {
  readonly client: Client
  readonly store: Store
  /** How it goes with the relays, whichever tab speaks with them. */
  relays(): readonly RelaySummary[]
  setRelays(names: readonly string[]): Promise<void>
  /** Calls `listener` with whose conversations changed; the returned function ends that. */
  onChange(listener: (peers: ReadonlySet<string>) => void): () => void
}

export type RelaySummary = Pick<RelayStatus, 'name' | 'home' | 'state'> & { readonly problem: string }

/** What tabs tell one another. */
type Note = {
  readonly peers?: readonly string[]
  readonly outgoing?: boolean
  readonly relays?: readonly RelaySummary[]
  readonly again?: boolean
}

export function openSession(options: {
  readonly identity: Identity
  readonly store: Store
  /** Names of relays to begin with. */
  readonly relays: readonly string[]
  /** Where they answer, as far as that is not what their name says. */
  readonly urls: ReadonlyMap<string, string>
  readonly onFault: (error: unknown) => void
}): Session {
  const { identity, store, urls } = options
  const channel = new BroadcastChannel('skrepka')
  const listeners = new Set<(peers: ReadonlySet<string>) => void>()
  let leads = false
  let summaries: readonly RelaySummary[] = []
  const client = createClient({
    identity,
    store,
    clock,
    random,
    relays: options.relays,
    fetch: (url, init) => fetch(url, init),
    urlOf: name => urls.get(name) ?? relayUrl(name),
    lock: storeLock,
    onFault: options.onFault,
  })
  const tell = (peers: ReadonlySet<string>) => {
    for (const listener of listeners) listener(peers)
  }
  const post = (note: Note) => channel.postMessage(note)
  client.onChange(({ peers, outgoing }) => {
    if (leads) summaries = client.relays().map(summaryOf)
    post({ peers: [...peers], outgoing, ...(leads ? { relays: summaries } : {}) })
    tell(peers)
  })
  channel.addEventListener('message', ({ data }: MessageEvent<Note>) => {
    if (data.relays !== undefined && !leads) summaries = data.relays
    if (leads && data.outgoing === true) client.nudge()
    if (leads && data.again === true) void client.stop().then(() => client.start())
    tell(new Set(data.peers ?? []))
  })
  leadOneTab(() => {
    leads = true
    void client.start()
  })
  for (const event of ['online', 'focus'] as const) addEventListener(event, () => leads && client.nudge())
  return {
    client,
    store,
    relays: () => summaries,
    setRelays: async names => {
      await client.setRelays(names)
      if (!leads) post({ again: true })
    },
    onChange: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function summaryOf({ name, home, state, problem }: RelayStatus): RelaySummary {
  return { name, home, state, problem: problem?.message ?? '' }
}
