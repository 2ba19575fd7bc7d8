/** What a store knows of a server between connections: how far each has heard of the other, and whether payloads are owed. */
import type { EntryStore } from '../store/contract.ts'
import type { AreaRequest } from './frames.ts'

/** Where notes are kept; losing them costs time, and nothing else. */
export interface SyncMemory {
  load(name: string): Promise<string | undefined>
  save(name: string, value: string): Promise<void>
}

/** How far an area has come. */
export interface AreaNote {
  /** The server's. */
  readonly epoch: string
  /** Of the server's arrivals, the last that was heard of. */
  readonly heard: number
  /** Of the arrivals here, the last that the server was told of. */
  readonly told: number
}

export interface SyncNotes {
  /** Undefined: nothing is known, or one of both stores is another one by now. */
  load(request: AreaRequest): Promise<AreaNote | undefined>
  save(request: AreaRequest, note: AreaNote): Promise<void>
  /** Whether the last connection ended while payloads were owed. */
  owed(request: AreaRequest): Promise<boolean>
  saveOwed(request: AreaRequest, owed: boolean): Promise<void>
}

export function createSyncNotes(memory: SyncMemory, serverName: string, store: EntryStore): SyncNotes {
  const nameOf = ({ namespace, area }: AreaRequest, what: string) => {
    const parts = [namespace, area.subspace ?? new Uint8Array(), ...area.path]
    const hex = parts.map(part => Array.from(part, byte => byte.toString(16).padStart(2, '0')).join(''))
    return `${what} ${serverName} ${hex.join('/')} ${area.times.start} ${area.times.end ?? ''}`
  }
  return {
    load: async request => {
      const [epoch, heard, here, told] = (await memory.load(nameOf(request, 'reached')))?.split(' ') ?? []
      const numbers = [Number(heard), Number(told)]
      if (epoch === undefined || here !== (await store.epoch()) || !numbers.every(Number.isSafeInteger))
        return undefined
      return { epoch, heard: Number(heard), told: Number(told) }
    },
    save: async (request, { epoch, heard, told }) =>
      memory.save(nameOf(request, 'reached'), `${epoch} ${heard} ${await store.epoch()} ${told}`),
    owed: async request => (await memory.load(nameOf(request, 'owed'))) === 'yes',
    saveOwed: (request, owed) => memory.save(nameOf(request, 'owed'), owed ? 'yes' : 'no'),
  }
}
