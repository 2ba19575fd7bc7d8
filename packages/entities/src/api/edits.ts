/** Edits of an entity as data, so that they can be made again on another state of it. */
import type { ObjectId } from '../leaf/objects.ts'
import { equalBytes } from '../willow/path.ts'
import { fromHex, toHex } from './text.ts'

export type EditStep =
  /** Removes all components of a kind. */
  | { readonly kind: 'clear'; readonly schema: ObjectId }
  | { readonly kind: 'drop'; readonly id: ObjectId }
  | { readonly kind: 'add'; readonly id: ObjectId; readonly schema: ObjectId }

/** A component of a state; the schema of what is locked is known where it was locked. */
export interface Known {
  readonly id: ObjectId
  readonly schema: ObjectId | undefined
}

/** The state after some steps. */
export function applySteps(before: readonly Known[], steps: readonly EditStep[]): readonly Known[] {
  return steps.reduce<readonly Known[]>((state, step) => {
    if (step.kind === 'clear')
      return state.filter(({ schema }) => schema === undefined || !equalBytes(schema, step.schema))
    const others = state.filter(({ id }) => !equalBytes(id, step.id))
    return step.kind === 'drop' ? others : [...others, { id: step.id, schema: step.schema }]
  }, before)
}

/** Fewer steps with the same effect on every state: what a later step takes away is not added first. */
export function shorten(steps: readonly EditStep[]): readonly EditStep[] {
  return steps.filter((step, index) => {
    const later = steps.slice(index + 1)
    if (step.kind === 'clear')
      return !later.some(one => one.kind === 'clear' && equalBytes(one.schema, step.schema))
    if (later.some(one => one.kind !== 'clear' && equalBytes(one.id, step.id))) return false
    return (
      step.kind === 'drop' || !later.some(one => one.kind === 'clear' && equalBytes(one.schema, step.schema))
    )
  })
}

export function sameIds(a: readonly ObjectId[], b: readonly ObjectId[]): boolean {
  return a.length === b.length && a.every((id, index) => equalBytes(id, b[index] ?? new Uint8Array()))
}

/** `-<schema>`, `/<id>`, `+<id>:<schema>`, with spaces between. */
export function stepsToText(steps: readonly EditStep[]): string {
  return steps
    .map(step => {
      if (step.kind === 'clear') return `-${toHex(step.schema)}`
      return step.kind === 'drop' ? `/${toHex(step.id)}` : `+${toHex(step.id)}:${toHex(step.schema)}`
    })
    .join(' ')
}

/** What `stepsToText` gave; what it cannot have given is left out. */
export function stepsFromText(text: string): readonly EditStep[] {
  return text.split(' ').flatMap((word): EditStep[] => {
    const [first = '', second = ''] = word.slice(1).split(':')
    const id = fromHex(first)
    const schema = fromHex(second)
    if (id?.length !== 32) return []
    if (word.startsWith('-')) return [{ kind: 'clear', schema: id }]
    if (word.startsWith('/')) return [{ kind: 'drop', id }]
    return word.startsWith('+') && schema?.length === 32 ? [{ kind: 'add', id, schema }] : []
  })
}
