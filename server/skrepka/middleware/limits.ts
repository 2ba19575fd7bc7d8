/** How often anybody may do anything. By address, by address and key together, by token; never by a key that a caller merely names. */
import type { Clock } from '../../kernel/clock.ts'
import type { KeyHex } from '../contract.ts'
import { createBuckets } from './buckets.ts'
import type { SkrepkaSettings } from '../config.ts'

/** 0: go on; else how long to wait, in milliseconds. */
export type Wait = number

export interface Limits {
  /** Any request, before its body is read. */
  request(address: string): Wait
  challenge(address: string, key: KeyHex): Wait
  verify(address: string, key: KeyHex): Wait
  /** Calls with a token that is none. */
  stranger(address: string): Wait
  poll(token: string): Wait
  send(token: string): Wait
  /** So many messages and bytes of a key, from an address. */
  mail(
    sender: { readonly key: KeyHex; readonly address: string },
    amount: { readonly messages: number; readonly bytes: number },
  ): Wait
}

export function createLimits(settings: SkrepkaSettings, clock: Clock): Limits {
  const of = (budget: number) => createBuckets({ clock, budget, windowMs: settings.rateLimitWindow })
  const requests = of(settings.addressRateLimit)
  const strangers = of(settings.addressAuthRateLimit)
  const challenges = { pair: of(settings.authRateLimit), address: of(settings.addressAuthRateLimit) }
  const verifies = { pair: of(settings.authRateLimit), address: of(settings.addressAuthRateLimit) }
  const polls = of(settings.pollRateLimit)
  const sends = of(settings.sendRateLimit)
  const messages = of(settings.sendMessagesLimit)
  const bytes = of(settings.sendBytesLimit)
  const addressBytes = of(settings.addressSendBytesLimit)

  const both = ({ pair, address }: typeof challenges, from: string, key: KeyHex): Wait =>
    Math.max(address.take(from), pair.take(`${from} ${key}`))

  return {
    request: address => requests.take(address),
    challenge: (address, key) => both(challenges, address, key),
    verify: (address, key) => both(verifies, address, key),
    stranger: address => strangers.take(address),
    poll: token => polls.take(token),
    send: token => sends.take(token),
    mail: ({ key, address }, amount) => {
      const waitForCount = messages.take(key, amount.messages)
      if (waitForCount > 0) return waitForCount
      const waitForBytes = Math.max(bytes.take(key, amount.bytes), addressBytes.take(address, amount.bytes))
      if (waitForBytes > 0) messages.restore(key, amount.messages)
      return waitForBytes
    },
  }
}
