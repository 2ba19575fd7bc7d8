/** Tells the other nodes of one relay whose mail came. Where one process is the only one, there is nobody to tell. */
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'

export interface Announcer {
  /** In the transaction that stores mail for these keys. */
  note(tx: Pick<Tx, 'notify'>, keys: Iterable<KeyHex>): void
  start(): void
  stop(): void
}

/** Keys share channels by their first byte: a channel costs something, and waking for nothing costs little. */
const channelOf = (first: string) => `skrepka:mail:${first}`

export function createAnnouncer(
  database: Pick<Database, 'engine' | 'listen'>,
  wakeThose: (isMeant: (key: KeyHex) => boolean) => void,
): Announcer {
  if (database.engine === 'sqlite') {
    return { note: () => undefined, start: () => undefined, stop: () => undefined }
  }
  let stops: (() => void)[] = []
  return {
    note: (tx, keys) => {
      for (const key of keys) tx.notify(channelOf(key.slice(0, 2)))
    },
    start: () => {
      stops = Array.from({ length: 256 }, (_, byte) => {
        const first = byte.toString(16).padStart(2, '0')
        return database.listen(channelOf(first), () => wakeThose(key => key.startsWith(first)))
      })
    },
    stop: () => {
      for (const stop of stops) stop()
      stops = []
    },
  }
}
