/** What was written to a connection and is not gone. What is written in one go leaves in one go. */
import type { CutReason, EngineConnection } from './engine.ts'
import { createGate } from './gate.ts'

export interface UnsentOptions {
  readonly engine: Pick<EngineConnection, 'readyState' | 'protocol' | 'transport' | 'write'>
  /** Bytes that may wait to be taken. */
  readonly unsentBytesMax: number
  readonly cut: (reason: CutReason) => void
  /** Ends with the connection. */
  readonly signal: AbortSignal
}

export interface Unsent {
  /** Sends a packet with those that are written in the same turn; true once the system has taken it. Order is kept. */
  write(packet: Buffer): Promise<boolean>
  /** Sends what was written now. */
  flush(): void
  /** Resolves once little waits to be sent. */
  room(): Promise<void>
}

/** Below this many unsent bytes new work is begun. */
const unsentBytesLow = 1024 * 1024
/** Packets are joined up to this: the answers to a group of appends, as a rule. */
const joinedBytesMax = 64 * 1024

interface Written {
  readonly packet: Buffer
  readonly resolve: (gone: boolean) => void
}

export function createUnsent({ engine, unsentBytesMax, cut, signal }: UnsentOptions): Unsent {
  const waiting = new Set<Written>()
  const room = createGate()
  let written: Written[] = []
  let bytes = 0
  signal.addEventListener('abort', () => {
    bytes = 0
    written = []
    for (const { resolve } of waiting) resolve(false)
    waiting.clear()
    room.open()
  })

  const sent = (one: Written) => {
    if (!waiting.delete(one)) return
    bytes -= one.packet.length
    if (bytes <= unsentBytesLow) room.open()
    one.resolve(true)
  }
  const flush = () => {
    const all = written
    written = []
    const [first] = all
    if (first === undefined) return
    if (all.length > 1 && takesJoined(engine) && sizeOf(all) <= joinedBytesMax) {
      const wsPreEncodedFrame = [joined(all.map(({ packet }) => packet))]
      engine.write(first.packet, { compress: false, wsPreEncodedFrame }, () => all.forEach(sent))
      return
    }
    for (const one of all) engine.write(one.packet, { compress: false }, () => sent(one))
  }

  return {
    room: room.passed,
    flush,
    write: packet => {
      if (engine.readyState !== 'open') return Promise.resolve(false)
      if (bytes > 0 && bytes + packet.length > unsentBytesMax) {
        cut('too slow')
        return Promise.resolve(false)
      }
      bytes += packet.length
      if (bytes > unsentBytesLow) room.close()
      return new Promise(resolve => {
        const one = { packet, resolve }
        waiting.add(one)
        written.push(one)
        // All who wait for one group are told in the same run of microtasks.
        if (written.length === 1) queueMicrotask(flush)
      })
    },
  }
}

/** A WebSocket whose messages are packets as they are: the protocol before had a byte of its own in front. */
function takesJoined({ protocol, transport }: UnsentOptions['engine']): boolean {
  return transport.name === 'websocket' && transport.supportsBinary === true && protocol !== 3
}

const sizeOf = (all: readonly Written[]) => all.reduce((sum, { packet }) => sum + packet.length, 0)

/** Whole binary messages of a WebSocket, as a server sends them. https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
function joined(packets: readonly Buffer[]): Buffer {
  return Buffer.concat(packets.flatMap(packet => [headOf(packet.length), packet]))
}

function headOf(length: number): Buffer {
  if (length < 126) return Buffer.of(0x82, length)
  if (length < 0x10000) return Buffer.of(0x82, 126, length >> 8, length & 255)
  const head = Buffer.alloc(10)
  head.writeUInt16BE(0x827f)
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
