/** Edits of an entity as data, so that they can be made again on another state of it. */
import type { ObjectId } from '../leaf/objects.ts'
import { equalBytes } from '../willow/path.ts'
import { fromHex, toHex } from './text.ts'

export type EditStep =
  /** Removes all components of a kind; `ids` are those that were there when it was done. */
  | { readonly kind: 'clear'; readonly schema: ObjectId; readonly ids: readonly ObjectId[] }
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
  return steps.flatMap((step, index): EditStep[] => {
    const later = steps.slice(index + 1)
    if (step.kind === 'clear') {
      if (later.some(one => one.kind === 'clear' && equalBytes(one.schema, step.schema))) return []
      const same = steps
        .slice(0, index)
        .flatMap(one => (one.kind === 'clear' && equalBytes(one.schema, step.schema) ? one.ids : []))
      return [{ ...step, ids: [...same, ...step.ids] }]
    }
    if (later.some(one => one.kind !== 'clear' && equalBytes(one.id, step.id))) return []
    const cleared = (one: EditStep) =>
      step.kind === 'add' && one.kind === 'clear' && equalBytes(one.schema, step.schema)
    return later.some(cleared) ? [] : [step]
  })
}

/** Says which components each clearing step removes from a state. */
export function withCleared(state: readonly Known[], steps: readonly EditStep[]): readonly EditStep[] {
  return steps.map(step => {
    if (step.kind !== 'clear') return step
    const ids = state.flatMap(({ id, schema }) =>
      schema !== undefined && equalBytes(schema, step.schema) ? [id] : [],
    )
    return { ...step, ids: [...step.ids, ...ids] }
  })
}

/**
 * The steps that still count on a newer state of somebody else: where both have set one kind, the newer one did. Whoever
 * adds beside others takes nothing away.
 */
export function yielding(theirs: readonly Known[], steps: readonly EditStep[]): readonly EditStep[] {
  const added = steps.flatMap(step => (step.kind === 'add' ? [step.id] : []))
  const isIn = (ids: readonly ObjectId[], id: ObjectId) => ids.some(one => equalBytes(one, id))
  const theySet = (step: EditStep) =>
    step.kind === 'clear' &&
    theirs.some(
      ({ id, schema }) =>
        schema !== undefined && equalBytes(schema, step.schema) && !isIn(step.ids, id) && !isIn(added, id),
    )
  const lost = steps.flatMap(step => (step.kind === 'clear' && theySet(step) ? [step.schema] : []))
  return steps.filter(step => step.kind === 'drop' || !isIn(lost, step.schema))
}

export function sameIds(a: readonly ObjectId[], b: readonly ObjectId[]): boolean {
  return a.length === b.length && a.every((id, index) => equalBytes(id, b[index] ?? new Uint8Array()))
}

/** `-<schema>:<id>,<id>…`, `/<id>`, `+<id>:<schema>`, with spaces between. */
export function stepsToText(steps: readonly EditStep[]): string {
  return steps
    .map(step => {
      if (step.kind === 'clear') return `-${toHex(step.schema)}:${step.ids.map(toHex).join(',')}`
      return step.kind === 'drop' ? `/${toHex(step.id)}` : `+${toHex(step.id)}:${toHex(step.schema)}`
    })
    .join(' ')
}

/** What `stepsToText` gave; what it cannot have given is left out. */
export function stepsFromText(text: string): readonly EditStep[] {
  return text.split(' ').flatMap((word): EditStep[] => {
    const [first = '', second = ''] = word.slice(1).split(':')
    const [id, schema] = [idOf(first), idOf(second)]
    if (id === undefined) return []
    if (word.startsWith('-'))
      return [
        {
          kind: 'clear',
          schema: id,
          ids: second.split(',').flatMap(one => {
            const cleared = idOf(one)
            return cleared === undefined ? [] : [cleared]
          }),
        },
      ]
    if (word.startsWith('/')) return [{ kind: 'drop', id }]
    return word.startsWith('+') && schema !== undefined ? [{ kind: 'add', id, schema }] : []
  })
}

function idOf(text: string): ObjectId | undefined {
  const bytes = fromHex(text)
  return bytes?.length === 32 ? bytes : undefined
}
