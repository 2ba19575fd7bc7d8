/** A connection of engine.io, as we use it. */
import type { IncomingMessage } from 'node:http'

/** What we use of a connection of engine.io. */
export interface EngineConnection {
  readonly id: string
  /** 3: the client sends the pings. */
  readonly protocol: number
  readonly readyState: string
  request: IncomingMessage | null
  /** `closeTimeout` is polling's alone: how long its end waits for a poll that could tell it. */
  readonly transport: { readonly name?: string; readonly supportsBinary?: boolean; closeTimeout?: number }
  on(event: 'packet' | 'packetCreate', listener: (packet: { readonly type: string }) => void): unknown
  on(event: 'heartbeat', listener: () => void): unknown
  once(event: 'close', listener: () => void): unknown
  /** `wsPreEncodedFrame` is what a WebSocket sends instead of the data. */
  write(
    data: Buffer,
    options: { compress: boolean; wsPreEncodedFrame?: readonly Buffer[] },
    sent: () => void,
  ): unknown
  sendPacket(type: 'ping'): void
  close(discard?: boolean): void
}

/** Why we end one at once. */
export type CutReason = 'message too large' | 'too many bytes in flight' | 'too slow' | 'stopping'
