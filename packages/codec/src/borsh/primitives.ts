import { MalformedError } from '../errors.ts'
import type { BorshReader, BorshWriter } from './bytes.ts'
import { type Borsh, kindOf, MismatchError } from './codec.ts'
import type { PlainKind } from './schema-type.ts'

const order = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : a > b ? 1 : 0)

const nothing: Borsh<null> = {
  schema: { kind: 'null' },
  bytesMin: 0,
  depth: 1,
  write: (_writer, value) => {
    if (value !== null) throw new MismatchError(`expected null, got ${kindOf(value)}`)
  },
  read: () => null,
  compare: () => 0,
}

const bool: Borsh<boolean> = {
  schema: { kind: 'bool' },
  bytesMin: 1,
  depth: 1,
  write: (writer, value) => {
    if (typeof value !== 'boolean') throw new MismatchError(`expected true or false, got ${kindOf(value)}`)
    writer.u8(value ? 1 : 0)
  },
  read: reader => {
    const byte = reader.u8()
    if (byte > 1) throw new MalformedError(`expected 00 or 01 for a bool, got ${byte}`, reader.at - 1)
    return byte === 1
  },
  compare: (a, b) => Number(a) - Number(b),
}

function small(
  kind: PlainKind,
  bits: 8 | 16 | 32,
  signed: boolean,
  io: { write(writer: BorshWriter, value: number): void; read(reader: BorshReader): number },
): Borsh<number> {
  const min = signed ? -(2 ** (bits - 1)) : 0
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
  const shift = 32 - bits
  return {
    schema: { kind },
    bytesMin: bits / 8,
    depth: 1,
    write: (writer, value) => {
      if (!Number.isInteger(value) || value < min || value > max) {
        throw new MismatchError(
          `expected a whole number from ${min} to ${max}, got ${typeof value === 'number' ? value : kindOf(value)}`,
        )
      }
      io.write(writer, value)
    },
    read: signed ? reader => (io.read(reader) << shift) >> shift : io.read,
    compare: order,
  }
}

function large(kind: PlainKind, bits: 64 | 128, signed: boolean): Borsh<bigint> {
  const min = signed ? -(2n ** BigInt(bits - 1)) : 0n
  const max = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n
  return {
    schema: { kind },
    bytesMin: bits / 8,
    depth: 1,
    write: (writer, value) => {
      if (typeof value !== 'bigint' || value < min || value > max) {
        throw new MismatchError(
          `expected a bigint of ${bits} bits, ${signed ? 'signed' : 'unsigned'}, got ${typeof value === 'bigint' ? 'one out of range' : kindOf(value)}`,
        )
      }
      writer.u64(BigInt.asUintN(64, value))
      if (bits === 128) writer.u64(BigInt.asUintN(64, value >> 64n))
    },
    read: reader => {
      if (bits === 64) return signed ? reader.i64() : reader.u64()
      const low = reader.u64()
      return ((signed ? reader.i64() : reader.u64()) << 64n) | low
    },
    compare: order,
  }
}

/** NaN has many encodings, and no order: it is refused both ways, as the specification says. */
function float(kind: 'f32' | 'f64'): Borsh<number> {
  return {
    schema: { kind },
    bytesMin: kind === 'f32' ? 4 : 8,
    depth: 1,
    write: (writer, value) => {
      if (typeof value !== 'number') throw new MismatchError(`expected a number, got ${kindOf(value)}`)
      if (Number.isNaN(value)) throw new MismatchError('expected a number, got NaN')
      if (kind === 'f64') writer.f64(value)
      else if (Object.is(Math.fround(value), value)) writer.f32(value)
      else throw new MismatchError(`expected a number of 32-bit precision (Math.fround), got ${value}`)
    },
    read: reader => {
      const value = kind === 'f32' ? reader.f32() : reader.f64()
      if (Number.isNaN(value))
        throw new MalformedError('expected a number, got NaN', reader.at - (kind === 'f32' ? 4 : 8))
      return value
    },
    compare: undefined,
  }
}

const string: Borsh<string> = {
  schema: { kind: 'string' },
  bytesMin: 4,
  depth: 1,
  write: (writer, value) => {
    if (typeof value !== 'string') throw new MismatchError(`expected text, got ${kindOf(value)}`)
    if (!value.isWellFormed())
      throw new MismatchError('expected well-formed text, got one with a lone surrogate')
    writer.text(value)
  },
  read: reader => reader.text(),
  compare: compareText,
}

/** The order of UTF-8 bytes, which is that of code points, not that of JavaScript's code units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at)
    const y = b.charCodeAt(at)
    if (x === y) continue
    // Surrogates stand for code points above all others.
    const high = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
    return high(x) - high(y)
  }
  return a.length - b.length
}

/** Codecs of what has no parts. */
export const primitives = {
  null: nothing,
  bool,
  u8: small('u8', 8, false, { write: (w, v) => w.u8(v), read: r => r.u8() }),
  u16: small('u16', 16, false, { write: (w, v) => w.u16(v), read: r => r.u16() }),
  u32: small('u32', 32, false, { write: (w, v) => w.u32(v), read: r => r.u32() }),
  u64: large('u64', 64, false),
  u128: large('u128', 128, false),
  i8: small('i8', 8, true, { write: (w, v) => w.u8(v), read: r => r.u8() }),
  i16: small('i16', 16, true, { write: (w, v) => w.u16(v), read: r => r.u16() }),
  i32: small('i32', 32, true, { write: (w, v) => w.u32(v), read: r => r.u32() }),
  i64: large('i64', 64, true),
  i128: large('i128', 128, true),
  f32: float('f32'),
  f64: float('f64'),
  string,
} as const satisfies Record<PlainKind, unknown>
