/**
 * A community's life from a seed: the same seed gives the same events, and every event is one that the module takes when
 * they are sent in their order.
 */
import { type CommunityEvent, payloadOf } from './events.ts'

export interface GenerateOptions {
  readonly seed: number
  /** How many events in all; the first few set the community up. */
  readonly events: number
  /** The members' DIDs, the founder first, or how many to make up (10). */
  readonly members?: number | readonly string[]
  /** How many rooms (4). */
  readonly rooms?: number
}

export interface GeneratedEvent {
  readonly user: string
  readonly event: CommunityEvent
  readonly payload: Uint8Array
}

/** A number from 0 below 1. */
type Draw = () => number

export function* generateCommunity(options: GenerateOptions): Generator<GeneratedEvent> {
  const draw = drawFrom(options.seed)
  const { members = 10, rooms = 4 } = options
  const dids =
    typeof members === 'number'
      ? Array.from({ length: members }, () => `did:plc:${letters(draw, 24)}`)
      : members
  const roomNames = Array.from({ length: rooms }, (_, index) => `room-${index + 1}`)
  const setup = setUp(dids, roomNames)
  const life: Life = { dids, rooms: roomNames, messages: [], draw }
  for (let count = 0; count < options.events; count += 1) {
    const [user, event] = setup[count] ?? liveOn(life)
    const id = idOf(count, draw)
    if (event.type === 'sendMessage') remember(life, { id, author: user })
    yield { user, event, payload: payloadOf(id, event) }
  }
}

type Said = readonly [user: string, event: CommunityEvent]

/** The founder makes it, people join, one role has a room of its own. */
function setUp(dids: readonly string[], rooms: readonly string[]): readonly Said[] {
  const [founder = 'did:web:founder', ...others] = dids
  const setup: Said[] = [
    [founder, { type: 'createSpace', name: 'Garden club', about: 'What grows, and how' }],
  ]
  setup.push([founder, { type: 'putRole', role: 'gardeners', name: 'Gardeners', color: '#2e7d32' }])
  setup.push([founder, { type: 'createInvite', code: 'welcome', role: 'gardeners' }])
  for (const room of rooms)
    setup.push([founder, { type: 'createRoom', room, name: `Room ${room}`, topic: 'All about it' }])
  const last = rooms.at(-1)
  if (last !== undefined && rooms.length > 1)
    setup.push([founder, { type: 'setAccess', room: last, role: 'gardeners', access: 'write' }])
  for (const [index, did] of others.entries()) {
    setup.push([did, { type: 'join', invite: 'welcome' }])
    setup.push([did, { type: 'setProfile', name: `Member ${index + 2}` }])
  }
  return setup
}

interface Message {
  readonly id: string
  readonly author: string
}

interface Life {
  readonly dids: readonly string[]
  readonly rooms: readonly string[]
  /** The latest, at most `messagesKept`. */
  readonly messages: Message[]
  readonly draw: Draw
}

const messagesKept = 100

function remember(life: Life, message: Message): void {
  life.messages.push(message)
  if (life.messages.length > messagesKept) life.messages.shift()
}

/** Mostly messages; some reactions and edits; now and then something else. */
function liveOn(life: Life): Said {
  const { dids, rooms, messages, draw } = life
  const founder = dids[0] ?? 'did:web:founder'
  const user = pick(dids, draw) ?? founder
  const message = pick(messages, draw)
  const chance = draw()
  const room = pick(rooms, draw) ?? 'room-1'
  if (message === undefined || chance < 0.8)
    return [
      user,
      {
        type: 'sendMessage',
        room,
        body: sentence(draw),
        ...(message !== undefined && draw() < 0.1 ? { replyTo: message.id } : {}),
      },
    ]
  if (chance < 0.9)
    return [user, { type: 'react', message: message.id, emoji: pick(['🌱', '👍', '🌻'], draw) ?? '🌱' }]
  if (chance < 0.95)
    return [message.author, { type: 'editMessage', message: message.id, body: sentence(draw) }]
  if (chance < 0.97) return [user, { type: 'setProfile', name: `Member ${letters(draw, 5)}` }]
  if (chance < 0.98) return [founder, { type: 'pin', message: message.id }]
  if (chance < 0.99) return [founder, { type: 'updateRoom', room, topic: sentence(draw) }]
  messages.splice(messages.indexOf(message), 1)
  return [message.author, { type: 'deleteMessage', message: message.id }]
}

const words =
  'the bean seed soil rain sun bed water leaf root frost bloom compost spade row tomato early late today grows well'.split(
    ' ',
  )

function sentence(draw: Draw): string {
  const length = 8 + Math.floor(draw() * 24)
  return Array.from({ length }, () => pick(words, draw)).join(' ')
}

function pick<T>(from: readonly T[], draw: Draw): T | undefined {
  return from[Math.floor(draw() * from.length)]
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

function letters(draw: Draw, length: number): string {
  return Array.from({ length }, () => base32[Math.floor(draw() * 32)]).join('')
}

/** Like a ULID: sorts by count, 26 characters. */
function idOf(count: number, draw: Draw): string {
  return `01${String(count).padStart(8, '0')}${letters(draw, 16).toUpperCase()}`
}

/** Mulberry32. */
function drawFrom(seed: number): Draw {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
