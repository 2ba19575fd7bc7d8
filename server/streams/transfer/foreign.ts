/** Streams outside of the house, which can be brought into it: those of a backup, and of other servers. */
import type { LogEvent } from '../host/contract.ts'
import type { StreamToImport } from '../stream/transfer.ts'

export interface ForeignStream extends Omit<StreamToImport, 'events'> {
  /** From 1, without holes; can be read several times. */
  readonly events: () => AsyncIterable<readonly LogEvent[]>
  /** How many those are. */
  readonly count: number
  /** Sentences about what cannot come along. */
  readonly warnings: readonly string[]
}

export interface ForeignStreams {
  /** In order. */
  readonly dids: readonly string[]
  /** Checks a stream as far as one can from outside. Throws Refusal `invalid` with what is wrong. */
  open(did: string): Promise<ForeignStream>
  close(): void
}
