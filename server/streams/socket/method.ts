/** What a handler of an event gets and gives. */
import { type DrislInput } from '@leaf/codec/drisl'
import { ok } from '@leaf/streams/wire'
import { Refusal } from '../../kernel/errors.ts'
import type { Actor } from '../middleware/throttle.ts'
import type { Caller } from '../stream/contract.ts'
import type { PacketValue } from './msgpack.ts'
import type { Subscriptions } from './subscriptions.ts'

/** One call. */
export interface MethodCall {
  readonly caller: Caller
  /** As throttles count her. */
  readonly actor: Actor
  /** What came, unread. */
  readonly argument: PacketValue
  /** Those of the connection. */
  readonly subscriptions: Subscriptions
}

/** The `{"Ok": …}` to be sent, in parts. */
export interface Answer {
  readonly parts: readonly Uint8Array[]
  /** Called once the answer is on its way. */
  readonly sent?: () => void
}

/** Throws Refusal or MalformedError, whose message becomes the `{"Err": …}`. */
export type Method = (call: MethodCall) => Promise<Answer>

/** An answer with this value. */
export function answer(value: DrislInput, sent?: () => void): Answer {
  return { parts: [ok(value)], ...(sent === undefined ? {} : { sent }) }
}

/** `{"Ok": ` */
const okHead = Uint8Array.of(0xa1, 0x62, 0x4f, 0x6b)

/** An answer whose value is DRISL already. */
export function answerDrisl(drisl: Uint8Array): Answer {
  return { parts: [okHead, drisl] }
}

/** The caller, who is somebody; else refuses with upstream's text. */
export function signedIn(caller: Caller, text: string): Caller {
  if (caller.did === null) throw new Refusal('unauthenticated', text)
  return caller
}

/** Bytes of an argument that is no module and no batch of events. */
const argumentBytesMax = 1024 * 1024

/** The argument's bytes, not looked at. Throws Refusal 'invalid' when there are none, 'too-large' when there are too many. */
export function argumentBytes(
  argument: PacketValue,
  limit: { readonly bytesMax: number; readonly text?: string } = { bytesMax: argumentBytesMax },
): Uint8Array {
  if (!(argument instanceof Uint8Array))
    throw new Refusal('invalid', `expected one argument of bytes, got ${kindOf(argument)}`)
  if (argument.length > limit.bytesMax) {
    const text = `expected at most ${limit.bytesMax} bytes as argument, got ${argument.length}`
    throw new Refusal('too-large', limit.text ?? text)
  }
  return argument
}

function kindOf(value: PacketValue): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`
}
