/** Bounds of the hosts, with the decided defaults. */

export interface HostLimits {
  /** How long one query may run, in milliseconds. */
  readonly queryMsMax: number
  /** How long the SQL for one request of batches, an init script, or a module's compilation may run. */
  readonly batchMsMax: number
  readonly answerRowsMax: number
  readonly answerBytesMax: number
  /** Address space of one host. A bare one takes a gigabyte of it, without using it. */
  readonly memoryBytesMax: number
  /** Each file of a stream. */
  readonly fileBytesMax: number
  /** Streams that one host keeps open: up to eighteen descriptors and about a megabyte each. */
  readonly openMax: number
  /** Hosts that serve requests while these are quick. */
  readonly quickHostsMax: number
}

export const hostLimitsDefault: HostLimits = {
  queryMsMax: 1000,
  batchMsMax: 2000,
  answerRowsMax: 10_000,
  answerBytesMax: 8 * 1024 * 1024,
  memoryBytesMax: 1536 * 1024 * 1024,
  fileBytesMax: 1024 * 1024 * 1024,
  openMax: 128,
  quickHostsMax: 1,
}

/** JavaScript's share of a host's memory. */
export const heapBytesMax = 192 * 1024 * 1024

/** After this a host is left with its request, and every other stream moves on to another. */
export const softMs = 5
/** The same for opening a stream: files and compilation. */
export const openSoftMs = 50
/** What a host may need to end a transaction before it comes to a request: now and then it flushes a file. */
export const settleMs = 15
/** What is ours and touches files: a host that takes longer is broken. */
export const ownMsMax = 10_000
/** Whose requests were slow is served beside the others for so long. */
export const slowMemoryMs = 10_000
/** Hosts with slow requests in the house. An owner has at most one. */
export const slowHostsMax = 2
/** After this a host that serves one request works when others do not. */
export const yieldAfterMs = 50
/** Requests that were quick, remembered. */
export const provenMax = 50_000
/** How long a slow request waits for its turn. */
export const slowWaitMsMax = 10_000
export const slowWaitingMax = 500
/** Hosts that are kept warm while some are slow; otherwise one. */
export const sparesMax = 2
/** Hosts that build modules and replay long logs. */
export const buildHostsMax = 1
export const waitingMax = 10_000
/** Requests of one stream that wait for one another. */
export const streamWaitingMax = 512

/** A host without a request for so long is ended. */
export const idleMs = 60_000
/** How long a host may take to start. */
export const startMsMax = 10_000
/** Starts that fail in a row until those who wait are told. */
export const startFailuresMax = 3

/** How often a job is tried again whose host ended under it; a run that was not short counts twice. */
export const lossesMax = 3
export const shortRunMs = 20

/** Kills after which an operation of a stream is refused for a while. */
export const killsMax = 2
export const quarantineMs = 600_000
export const quarantinedMax = 10_000

/** What is read of the log at once to catch up. */
export const catchUpItemsMax = 500
export const catchUpBytesMax = 2 * 1024 * 1024
/** A target that lacks more than this catches up where builds run. */
export const catchUpQuickMax = 200
/** How long batches are run until others have their turn. */
export const sliceMs = 3
/** How long one step of catching up takes, among quick requests and where builds run. */
export const catchUpQuickMs = 3
export const catchUpBuildMs = 100

/** What is remembered of streams: where they are open, how far they are, that their mirror is right. */
export const rememberedMax = 50_000
/** How often a request may need something first. */
export const roundsMax = 12
/** Waits for another process to let go of a file. */
export const retryMs = 20
