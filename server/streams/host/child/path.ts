/** Paths into DRISL values, as modules write them in `drisl_extract(payload, '.message.body')`. */
import { type DrislValue, isArray, isMap } from '@leaf/codec/drisl'

type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'discriminant' }

/** From the outside in; empty for the whole value. */
export type DrislPath = readonly Segment[]

// `.?discriminant`, `.12`, `.name` (a `\.` in it stays as it is), `."any name"`.
const segment = /\.(?:(\?discriminant)|(\d+)|([$A-Za-z](?:[0-9A-Za-z]|\\\.)*)|"([^"]*)")/y

/** Throws with the column at which the path is wrong. */
export function parsePath(text: string): DrislPath {
  if (text === '.') return []
  const segments: Segment[] = []
  let at = 0
  do {
    segment.lastIndex = at
    const match = segment.exec(text)
    if (match === null) throw new Error(whatIsWrong(text, at))
    const [whole, discriminant, index, bare, quoted] = match
    if (discriminant !== undefined) segments.push({ kind: 'discriminant' })
    else if (index !== undefined) segments.push({ kind: 'index', index: Number(index) })
    else segments.push({ kind: 'name', name: bare ?? quoted ?? '' })
    at += whole.length
  } while (at < text.length)
  return segments
}

function whatIsWrong(text: string, at: number): string {
  const isDot = text[at] === '.'
  const lines = text.slice(0, isDot ? at + 1 : at).split('\n')
  const column = (lines.at(-1)?.length ?? 0) + 1
  const expected = isDot
    ? 'one of "?discriminant", an index, a name of letters and digits, a quoted name'
    : '"."'
  return `error at ${lines.length}:${column}: expected ${expected}`
}

/** What the path leads to; undefined when it leads nowhere. A name looks only into maps, an index only into arrays. */
export function followPath(value: DrislValue, path: DrislPath): DrislValue | undefined {
  let here: DrislValue | undefined = value
  for (const step of path) {
    if (here === undefined) return undefined
    if (step.kind === 'name') here = isMap(here) ? here[step.name] : undefined
    else if (step.kind === 'index') here = isArray(here) ? here[step.index] : undefined
    else here = discriminantOf(here)
  }
  return here
}

function discriminantOf(value: DrislValue): string | undefined {
  if (typeof value === 'string') return value
  if (!isMap(value)) return undefined
  const keys = Object.keys(value)
  return keys.length === 1 ? keys[0] : undefined
}
