/** ULIDs: names that sort by the time of their making. https://github.com/ulid/spec */
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const timeDigits = 10
const randomBytes = 10

/** Makes ULIDs, 26 characters each. Within a millisecond they have no order. */
export function createUlids({ clock, random }: { clock: Pick<Clock, 'now'>; random: Random }): () => string {
  return () => {
    let text = ''
    let time = Math.max(0, clock.now())
    for (let digit = 0; digit < timeDigits; digit += 1) {
      text = digits.charAt(time % 32) + text
      time = Math.floor(time / 32)
    }
    let bits = 0
    let held = 0
    for (const byte of random.bytes(randomBytes)) {
      bits = ((bits << 8) | byte) & 0xfff
      held += 8
      while (held >= 5) {
        held -= 5
        text += digits.charAt((bits >> held) & 31)
      }
    }
    return text
  }
}
