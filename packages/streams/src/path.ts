/**
 * Paths into DRISL, as `drisl_extract` and `drisl_exists` take them: `.` is the whole value; segments follow dots.
 * A bare name (`[$A-Za-z][0-9A-Za-z]*`, `\.` may stand in it and stays) or a quoted one looks into a map, digits into an
 * array, `?discriminant` gives the only key of a map, or a text itself.
 */
import { type DrislValue, isArray, isMap } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'

export type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'discriminant' }

const segmentPattern = /\.(?:(\?discriminant)|(\d+)|((?:[$A-Za-z])(?:\\\.|[0-9A-Za-z])*)|"([^"]*)")/y

/** Throws MalformedError, `error at 1:C: expected …` with C from 1, for what is no path. */
export function parsePath(text: string): readonly Segment[] {
  if (text === '.') return []
  const segments: Segment[] = []
  let at = 0
  while (at < text.length || at === 0) {
    segmentPattern.lastIndex = at
    const match = segmentPattern.exec(text)
    if (match === null) {
      const inside = text[at] === '.'
      const expected = inside ? 'a name, an index, a quoted name or ?discriminant' : '"."'
      throw new MalformedError(`error at 1:${at + (inside ? 2 : 1)}: expected ${expected}`, at)
    }
    const [whole, discriminant, digits, bare, quoted] = match
    if (discriminant !== undefined) segments.push({ kind: 'discriminant' })
    else if (digits !== undefined) segments.push({ kind: 'index', index: Number(digits) })
    else segments.push({ kind: 'name', name: bare ?? quoted ?? '' })
    at += whole.length
  }
  return segments
}

/** What is there; undefined when the path leads nowhere. */
export function follow(value: DrislValue, path: readonly Segment[]): DrislValue | undefined {
  let here: DrislValue | undefined = value
  for (const segment of path) {
    if (segment.kind === 'name') here = isMap(here) ? own(here, segment.name) : undefined
    else if (segment.kind === 'index') here = isArray(here) ? here[segment.index] : undefined
    else here = discriminantOf(here)
    if (here === undefined) return undefined
  }
  return here
}

function own(map: { readonly [key: string]: DrislValue }, name: string): DrislValue | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}

function discriminantOf(value: DrislValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  if (!isMap(value)) return undefined
  const keys = Object.keys(value)
  return keys.length === 1 ? keys[0] : undefined
}
