/** How socket.io reads and writes packets: what the library wants, around our own reader. */
import { EventEmitter } from 'node:events'
import { Encoder } from 'socket.io-msgpack-parser'
import { readPacket } from './packet.ts'

/** One a connection. A packet that cannot be read ends the connection: the library catches what `add` throws. */
class PacketDecoder extends EventEmitter {
  add(message: unknown): void {
    if (!(message instanceof Uint8Array)) throw new TypeError('expected packets in binary messages')
    this.emit('decoded', readPacket(message))
  }

  destroy(): void {
    this.removeAllListeners()
  }
}

/** Both ends of the format. */
export const packetParser = { Encoder, Decoder: PacketDecoder }
