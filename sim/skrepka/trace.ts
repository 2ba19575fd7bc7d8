import type { Passage } from './network.ts'
import { hashText } from './random.ts'

/** What happened in a world, as a hash, and as lines when they are kept. */
export interface Trace {
  readonly lines: readonly string[]
  passage(passage: Passage): void
  event(event: { readonly kind: string }): void
  hash(): string
}

/** Lines that are kept of a long world: its end. */
const linesMax = 20_000

export function createTrace(nowMs: () => number, keepLines: boolean): Trace {
  let [high, low] = [1, 2]
  const lines: string[] = []
  const add = (what: string, body: string) => {
    const line = `${Math.floor(nowMs())} ${what}`
    low = hashText(line, low)
    high = hashText(body, high ^ low)
    if (!keepLines) return
    lines.push(`${line}${body === '' ? '' : `  ${body.slice(0, 900)}`}`)
    if (lines.length > linesMax) lines.splice(0, linesMax / 2)
  }
  return {
    lines,
    passage: ({ from, to, request, answer, kind }) => {
      const status = answer === undefined ? '' : ` ${answer.status}`
      add(
        `${from.name} > ${to} ${request.path} ${kind}${status}`,
        (answer === undefined ? request.body : answer.body) ?? '',
      )
    },
    event: event => add(`! ${event.kind}`, JSON.stringify(event)),
    hash: () => `${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`,
  }
}
