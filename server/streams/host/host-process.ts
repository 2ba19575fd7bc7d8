/** One host process, one request at a time. */
import type { Child, SpawnChild } from '../../kernel/child.ts'
import { decodeReply, frameBytesMax, type HostReply } from './protocol.ts'
import { heapBytesMax, type HostLimits } from './limits.ts'

/** The host ended before it answered. */
export class HostEnded extends Error {
  override readonly name = 'HostEnded'
}

export interface HostProcess {
  /** One after the other. Rejects with HostEnded. */
  request(frame: Uint8Array): Promise<HostReply>
  /** Something that has no answer. */
  tell(frame: Uint8Array): void
  /** Targets that it said to have open. */
  openCount(): number
  yieldToOthers(): void
  kill(): void
}

export interface HostProcessOptions {
  readonly spawn: SpawnChild
  readonly folder: string
  readonly limits: HostLimits
  /** Called once, after the request that was running was rejected. */
  readonly onEnd: (reason: string) => void
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const program = new URL(`./child.${extension}`, import.meta.url)

/** Starts a host. Requests may be sent at once; it answers when it is up. */
export function startHostProcess({ spawn, folder, limits, onEnd }: HostProcessOptions): HostProcess {
  let waiting: PromiseWithResolvers<HostReply> | undefined
  let ended: string | undefined
  let open = 0
  const child: Child = spawn({
    program,
    arguments: [limits.openMax, limits.fileBytesMax, limits.answerRowsMax, limits.answerBytesMax].map(String),
    folder,
    memoryBytesMax: limits.memoryBytesMax,
    heapBytesMax,
    frameBytesMax,
    onFrame: frame => {
      const answered = waiting
      waiting = undefined
      try {
        const decoded = decodeReply(frame)
        open = decoded.open
        answered?.resolve(decoded.reply)
      } catch (error) {
        answered?.reject(new HostEnded('it said what no host says', { cause: error }))
        child.kill()
      }
    },
    onEnd: reason => {
      ended = reason
      open = 0
      waiting?.reject(new HostEnded(reason))
      waiting = undefined
      onEnd(reason)
    },
  })
  return {
    request: frame => {
      if (ended !== undefined) return Promise.reject(new HostEnded(ended))
      if (waiting !== undefined) return Promise.reject(new Error('a host was asked twice at once'))
      waiting = Promise.withResolvers()
      child.send(frame)
      return waiting.promise
    },
    tell: frame => child.send(frame),
    openCount: () => open,
    yieldToOthers: () => child.yieldToOthers(),
    kill: () => child.kill(),
  }
}
