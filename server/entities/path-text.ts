/**
 * Entity paths in addresses and on the command line: components divided by slashes. A component is a text, percent-encoded
 * where an address needs it, unless it begins with `~`: `~u7` and `~i-7` are numbers (Uint, Int), `~t` and `~f` truth,
 * `~n` null, `~b00ff` bytes, and `~s…` is a text that begins with `~`, is empty, or is `.` or `..`.
 */
import type { PathComponent } from '@leaf/codec/borsh/references'
import type { EntityPath } from '@leaf/entities/leaf/entity-path'
import { Refusal } from '../kernel/errors.ts'

const uint64Max = 2n ** 64n - 1n
const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** The path that stands in an address, without the slash in front; empty: the default entity. Throws Refusal `invalid`. */
export function readPathText(text: string): EntityPath {
  const trimmed = text.replace(/\/$/, '')
  return trimmed === '' ? [] : trimmed.split('/').map(readComponent)
}

/** The same path as text; `readPathText` gives it back. */
export function pathToText(path: EntityPath): string {
  return path.map(componentToText).join('/')
}

/** One component, as it stands in addresses. */
export function componentToText(component: PathComponent): string {
  const { variant, value } = component
  switch (variant) {
    case 'Null':
      return '~n'
    case 'Bool':
      return value ? '~t' : '~f'
    case 'Uint':
      return `~u${value}`
    case 'Int':
      return `~i${value}`
    case 'Bytes':
      return `~b${Buffer.from(value).toString('hex')}`
    case 'String': {
      const isPlain = value !== '' && value !== '.' && value !== '..' && !value.startsWith('~')
      return encodeURIComponent(isPlain ? value : `~s${value}`)
    }
  }
}

function readComponent(part: string): PathComponent {
  const text = decoded(part)
  if (!text.startsWith('~')) {
    if (text === '')
      throw new Refusal('invalid', 'expected no empty components in a path; the empty text is ~s')
    return { variant: 'String', value: text }
  }
  const rest = text.slice(2)
  switch (text[1]) {
    case 's':
      return { variant: 'String', value: rest }
    case 'n':
      if (rest === '') return { variant: 'Null', value: null }
      break
    case 't':
    case 'f':
      if (rest === '') return { variant: 'Bool', value: text[1] === 't' }
      break
    case 'u':
      if (/^(0|[1-9]\d{0,19})$/.test(rest) && BigInt(rest) <= uint64Max)
        return { variant: 'Uint', value: BigInt(rest) }
      break
    case 'i':
      if (/^(0|-?[1-9]\d{0,18})$/.test(rest) && BigInt(rest) <= int64Max && BigInt(rest) >= int64Min)
        return { variant: 'Int', value: BigInt(rest) }
      break
    case 'b':
      if (/^([0-9a-f]{2})*$/.test(rest))
        return { variant: 'Bytes', value: new Uint8Array(Buffer.from(rest, 'hex')) }
      break
    default:
  }
  throw new Refusal(
    'invalid',
    `expected a component like posts, ~u7, ~i-7, ~b00ff, ~t, ~f or ~n, got "${part.slice(0, 80)}"`,
  )
}

function decoded(part: string): string {
  try {
    const text = decodeURIComponent(part)
    if (text.isWellFormed()) return text
  } catch {
    // Told below.
  }
  throw new Refusal('invalid', `expected percent-encoded UTF-8 in a path, got "${part.slice(0, 80)}"`)
}
