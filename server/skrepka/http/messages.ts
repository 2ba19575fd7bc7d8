/** The body of /messages, which is most of what a relay reads: by hand where it has its usual form. */
import { answerError, WireFault } from './answers.ts'
import { fieldsOf, isFields, isHex, isLowerHex, own, requireFields } from './fields.ts'

/** A message as it was sent. */
export interface SentMessage {
  /** 64 hex digits. */
  readonly to: string
  readonly blob: Uint8Array
}

/** Reads the body; refuses what the seed's server would. `blobLengthMax` counts hex digits. */
export function decodeMessages(body: Uint8Array, blobLengthMax: number): readonly SentMessage[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return scanMessages(bytes, blobLengthMax) ?? parseMessages(bytes, blobLengthMax)
}

/** Any JSON. */
export function parseMessages(body: Uint8Array, blobLengthMax: number): readonly SentMessage[] {
  const fields = fieldsOf(body)
  requireFields(fields, ['messages'])
  const list = own(fields, 'messages')
  if (!Array.isArray(list)) throw invalidMessage()
  return list.map((one: unknown) => {
    if (!isFields(one)) throw invalidMessage()
    const to = own(one, 'to')
    const blob = own(one, 'encryptedBlob')
    if (!isHex(to, 64) || typeof blob !== 'string' || blob.length > blobLengthMax || !isLowerHex(blob)) {
      throw invalidMessage()
    }
    return { to, blob: Buffer.from(blob, 'hex') }
  })
}

const invalidMessage = () => new WireFault(answerError(400, 'invalid_message'))

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openList = 0x5b
const closeList = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/**
 * `{"messages":[{"to":"…","encryptedBlob":"…"},…]}`, with its two members in any order and with whitespace, and nothing
 * else in it. Undefined: something is different, and a JSON parser has to say what it is.
 */
export function scanMessages(body: Buffer, blobLengthMax: number): readonly SentMessage[] | undefined {
  const scanner = createScanner(body)
  const messages: SentMessage[] = []
  if (!scanner.take(openObject) || scanner.text() !== 'messages') return undefined
  if (!scanner.take(colon) || !scanner.take(openList)) return undefined
  do {
    const message = scanMessage(scanner, blobLengthMax)
    if (message === undefined) return undefined
    messages.push(message)
  } while (scanner.take(comma))
  const isWhole = scanner.take(closeList) && scanner.take(closeObject) && scanner.isAtEnd()
  return isWhole ? messages : undefined
}

function scanMessage(scanner: Scanner, blobLengthMax: number): SentMessage | undefined {
  let to: string | undefined
  let blob: Uint8Array | undefined
  if (!scanner.take(openObject)) return undefined
  do {
    const name = scanner.text()
    if (!scanner.take(colon)) return undefined
    if (name === 'to' && to === undefined) {
      to = scanner.text()
      if (!isHex(to, 64)) return undefined
    } else if (name === 'encryptedBlob' && blob === undefined) {
      blob = scanner.hex(blobLengthMax)
      if (blob === undefined) return undefined
    } else return undefined
  } while (scanner.take(comma))
  if (!scanner.take(closeObject) || to === undefined || blob === undefined) return undefined
  return { to, blob }
}

/** Each takes what it names, behind whitespace; what is not there is not taken. */
interface Scanner {
  take(byte: number): boolean
  /** A text without escapes, at most 64 characters. */
  text(): string | undefined
  /** A text of lower-case hex digits, as bytes. */
  hex(lengthMax: number): Uint8Array | undefined
  isAtEnd(): boolean
}

const textLengthMax = 64
/** Hex digits that are decoded as a text; a larger blob is never there as one. */
const textHexMax = 1 << 16
const noDigit = 16
/** The value of each character that is a lower-case hex digit. */
const digitOf = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return value < 0 ? noDigit : value
})

function createScanner(body: Buffer): Scanner {
  let at = 0
  const skip = () => {
    for (;;) {
      const byte = body[at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      at += 1
    }
  }
  const take = (byte: number): boolean => {
    skip()
    if (body[at] !== byte) return false
    at += 1
    return true
  }
  /** Start and end of the text that begins here, its quotes taken. */
  const range = (lengthMax: number): readonly [number, number] | undefined => {
    if (!take(quote)) return undefined
    const start = at
    const end = body.indexOf(quote, start)
    if (end < 0 || end - start > lengthMax) return undefined
    at = end + 1
    return [start, end]
  }
  return {
    take,
    text: () => {
      const found = range(textLengthMax)
      if (found === undefined) return undefined
      const text = body.toString('latin1', ...found)
      return /^[a-zA-Z0-9]*$/.test(text) ? text : undefined
    },
    hex: lengthMax => {
      const found = range(lengthMax)
      return found === undefined ? undefined : hexBetween(body, ...found)
    },
    isAtEnd: () => {
      skip()
      return at === body.length
    },
  }
}

function hexBetween(body: Buffer, start: number, end: number): Uint8Array | undefined {
  if (start === end || (end - start) % 2 !== 0) return undefined
  return end - start <= textHexMax ? hexByText(body, start, end) : hexByTable(body, start, end)
}

/** What comes back the same was lower-case hex: both ways are native, and faster together than a regular expression. */
function hexByText(body: Buffer, start: number, end: number): Uint8Array | undefined {
  const text = body.toString('latin1', start, end)
  const bytes = Buffer.from(text, 'hex')
  return bytes.toString('hex') === text ? bytes : undefined
}

function hexByTable(body: Buffer, start: number, end: number): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe((end - start) / 2)
  let any = 0
  for (let from = start, to = 0; from < end; from += 2, to += 1) {
    const high = digitOf[body[from] ?? 0] ?? noDigit
    const low = digitOf[body[from + 1] ?? 0] ?? noDigit
    any |= high | low
    bytes[to] = (high << 4) | low
  }
  return any < noDigit ? bytes : undefined
}
