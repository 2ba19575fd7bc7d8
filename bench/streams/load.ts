/** The load: a community set up by one person, then messages of hers. */
import { payloadOf } from '../../examples/community/events.ts'

export const roomsCount = 4

/** What makes the community; 1 + `roomsCount` events. */
export function setUpPayloads(): Uint8Array[] {
  return [
    payloadOf('setup-0', { type: 'createSpace', name: 'Garden club', joinRule: 'open' }),
    ...Array.from({ length: roomsCount }, (_, n) =>
      payloadOf(`setup-${n + 1}`, { type: 'createRoom', room: `room-${n}`, name: `Room ${n}` }),
    ),
  ]
}

const body =
  'The late beans like it dry, the early ones need water twice a day; whoever comes by on Thursday takes the blue can.'

/** Message number `n`, some 250 bytes; `sender` keeps ids apart. */
export function messagePayload(n: number, sender = 'a'): Uint8Array {
  return payloadOf(`01${sender.padStart(8, '0')}${String(n).padStart(16, '0')}`, {
    type: 'sendMessage',
    room: `room-${n % roomsCount}`,
    body: `${n} ${body}`,
  })
}
