import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  applySteps,
  type EditStep,
  type Known,
  shorten,
  stepsFromText,
  stepsToText,
  withCleared,
  yielding,
} from './edits.ts'

const id = (byte: number) => new Uint8Array(32).fill(byte)
const anId = fc.integer({ min: 1, max: 6 }).map(id)
/** The schema belongs to the component: a component's id is a hash of both. */
const schemaOf = (component: Uint8Array) => id(200 + ((component[0] ?? 0) % 3))
const step: fc.Arbitrary<EditStep> = fc.oneof(
  anId.map(one => ({ kind: 'add' as const, id: one, schema: schemaOf(one) })),
  anId.map(one => ({ kind: 'drop' as const, id: one })),
  fc
    .tuple(anId, fc.array(anId, { maxLength: 2 }))
    .map(([one, ids]) => ({ kind: 'clear' as const, schema: schemaOf(one), ids })),
)
const state = fc
  .uniqueArray(anId, { selector: one => one[0] })
  .map(ids => ids.map((one): Known => ({ id: one, schema: schemaOf(one) })))
const names = (known: readonly Known[]) => known.map(one => one.id[0]).toSorted()

test('fewer steps have the same effect on every state, and are what they are when shortened again', () => {
  fc.assert(
    fc.property(state, fc.array(step, { maxLength: 12 }), (before, steps) => {
      const fewer = shorten(steps)
      assert.deepEqual(names(applySteps(before, fewer)), names(applySteps(before, steps)))
      assert.deepEqual(shorten(fewer).length, fewer.length)
    }),
    { numRuns: 2000 },
  )
})

test('steps go through text, and what is no step is left out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), steps => {
      assert.deepEqual(stepsFromText(stepsToText(steps)), steps)
    }),
  )
  assert.deepEqual(stepsFromText('x -00 +12:34 /'), [])
})

test('steps yield to what others have set, and to nothing else', () => {
  const [base, mine, theirs, other] = [id(1), id(4), id(7), id(2)]
  const before: readonly Known[] = [{ id: base, schema: schemaOf(base) }]
  const set: readonly EditStep[] = [
    { kind: 'clear', schema: schemaOf(base), ids: [] },
    { kind: 'add', id: mine, schema: schemaOf(base) },
    { kind: 'add', id: other, schema: schemaOf(other) },
  ]
  const steps = withCleared(before, set)
  assert.deepEqual(steps[0], { kind: 'clear', schema: schemaOf(base), ids: [base] })
  // They left the kind alone: all of ours counts.
  assert.deepEqual(yielding(before, steps), steps)
  // They set it, too: theirs stays, and what we added beside it.
  assert.deepEqual(yielding([{ id: theirs, schema: schemaOf(base) }], steps), [steps[2]])
  // They have ours already.
  assert.deepEqual(yielding([{ id: mine, schema: schemaOf(base) }], steps), steps)
})
