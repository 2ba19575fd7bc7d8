/** Where two devices that know the same room leave messages for one another. Whoever runs it learns nothing and can only be in the way. */

/** In their order: the new device's, the old one's, the new one's, the old one's. */
export const pairingSlots = ['commit', 'offer', 'reveal', 'gift'] as const
export type PairingSlot = (typeof pairingSlots)[number]

export interface Rendezvous {
  /** Leaves a message; every slot of a room takes one. Throws when it is taken. */
  post(room: string, slot: PairingSlot, message: Uint8Array): Promise<void>
  /** Waits for the message of a slot. Throws when the signal ends. */
  take(room: string, slot: PairingSlot, signal: AbortSignal): Promise<Uint8Array>
}

const roomsMax = 100
export const pairingMessageBytesMax = 64 * 1024

/** One for devices in one process, and for tests. */
export function memoryRendezvous(): Rendezvous {
  const rooms = new Map<string, Map<PairingSlot, Uint8Array>>()
  let wakers: (() => void)[] = []
  const roomOf = (name: string) => {
    const known = rooms.get(name)
    if (known !== undefined) return known
    const oldest = rooms.size >= roomsMax ? rooms.keys().next().value : undefined
    if (oldest !== undefined) rooms.delete(oldest)
    const room = new Map<PairingSlot, Uint8Array>()
    rooms.set(name, room)
    return room
  }
  return {
    post: async (name, slot, message) => {
      if (message.length > pairingMessageBytesMax)
        throw new Error(`expected at most ${pairingMessageBytesMax} bytes, got ${message.length}`)
      const room = roomOf(name)
      if (room.has(slot)) throw new Error(`the slot ${slot} of this room is taken`)
      room.set(slot, message.slice())
      const all = wakers
      wakers = []
      for (const wake of all) wake()
    },
    take: async (name, slot, signal) => {
      for (;;) {
        signal.throwIfAborted()
        const message = roomOf(name).get(slot)
        if (message !== undefined) return message
        await new Promise<void>(resolve => {
          wakers.push(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  }
}
