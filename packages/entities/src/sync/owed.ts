/** The note that payloads are owed, kept ahead of what it says: whatever ends a connection, the next one looks for them. */

export interface OwedOptions {
  readonly save: (owed: boolean) => Promise<void>
  /** Whether neither side owes the other anything. */
  readonly settled: () => boolean
}

export interface Owed {
  /** Before payloads travel on their own, either way. */
  note(): Promise<void>
  /** An earlier connection has left a note. */
  found(): void
  /** Takes the note back if all is settled: what did not come is not to be had. */
  forgive(): Promise<void>
}

export function createOwed({ save, settled }: OwedOptions): Owed {
  let before = false
  let noting: Promise<void> | undefined
  return {
    note: () => (noting ??= save(true)),
    found: () => {
      before = true
    },
    forgive: async () => {
      if ((noting === undefined && !before) || !settled()) return
      noting = undefined
      before = false
      await save(false)
    },
  }
}
