/** Small things that a device remembers beside its entries, in the same place and as durable. */
import type { Backing } from '../store/backing.ts'

export interface Notes {
  /** Undefined: nothing was saved under this name. */
  load(name: string): Promise<string | undefined>
  /** Resolves when it is durable. */
  save(name: string, value: string): Promise<void>
}

/** Stands before the names of notes, so that they are nobody else's. */
export const notePrefix = 'leaf.'

export function createNotes(backing: Backing): Notes {
  return {
    load: name => backing.read(rows => rows.meta(`${notePrefix}${name}`)),
    save: (name, value) => backing.write(rows => rows.setMeta(`${notePrefix}${name}`, value)),
  }
}
