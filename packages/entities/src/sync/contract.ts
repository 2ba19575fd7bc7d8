/** Leaf sync v1, as its two sides and their transports see it. Frames are binary messages: `u8 type ‖ body`. */

/** A two-way stream of whole messages: a WebSocket, or two ends in one process. */
export interface Transport {
  /** Resolves when the other side can take more. Throws when the transport has ended. */
  send(frame: Uint8Array): Promise<void>
  /** Frames as they come; ends when the other side has closed. Read by one reader, always. */
  readonly frames: AsyncIterable<Uint8Array>
  /** Ends both directions; what was sent before still arrives where the transport can do that. */
  close(): void
}

/** Calls `fn` once after `delayMs`; the returned function cancels it. A clock's `after`. */
export type After = (delayMs: number, fn: () => void) => () => void

/** Types of frames (decisions: hello 1 … bye 11). Numbers are never used again for something else. */
export const frameTypes = {
  hello: 1,
  auth: 2,
  capabilities: 3,
  since: 4,
  ranges: 5,
  entries: 6,
  want: 7,
  payload: 8,
  live: 9,
  error: 10,
  bye: 11,
  /** What was taken of the other side's frames: it may send as many more. */
  credit: 12,
} as const
export type FrameType = keyof typeof frameTypes

/** Bounds of both sides. */
export const syncLimits = {
  frameBytesMax: 256 * 1024,
  /** Frames of entries and payloads that may be under way to a side that has not taken them. */
  creditFrames: 16,
  /** Frames that wait for an answer. */
  answersMax: 64,
  /** Ranges are split into this many parts. */
  splitParts: 64,
  /** At and below this many entries a range is sent as a list. */
  listEntriesMax: 32,
  /** Areas that one connection may ask for. */
  areasMax: 64,
  /** Payloads that one frame may ask for; another one follows when these have come. */
  wantsMax: 256,
  /** Payloads that are remembered as missing; further ones are found by looking through the areas again. */
  missingMax: 4096,
  /** Frames of one round of range reconciliation, each way. */
  roundFramesMax: 12,
  /** Rounds until an area must be equal. */
  roundsMax: 64,
  /** Payloads up to this travel with their entry. */
  inlineBytesMax: 4096,
  /** A larger payload does not travel by this protocol. */
  payloadBytesMax: 16 * 1024 * 1024,
  /** Entries of an area that is no whole range (some times, some paths of all subspaces): looked through, up to here. */
  scannedEntriesMax: 50_000,
  /** How long a side may be silent that the other waits for. */
  silenceMs: 60_000,
} as const

export type SyncErrorCode =
  | 'protocol' // a frame that cannot be, or not now
  | 'version'
  | 'not-authorised'
  | 'too-large'
  | 'quota'
  | 'unavailable'
  | 'closed'

/** Why a sync ended before it was done. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: SyncErrorCode

  constructor(code: SyncErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
