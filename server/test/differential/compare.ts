import assert from 'node:assert/strict'
import { type Answer, send } from '../support/http.ts'
import type { Case, World } from './case.ts'
import type { Difference } from './differences.ts'
import { errorOf, shapeOf } from './shape.ts'

/** What is compared of an answer. */
interface Sight {
  readonly status: number
  readonly error: string | undefined
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | null>>
  readonly message: unknown
}

/** Sends one case to both servers and fails when they differ in another way than `difference` says. */
export async function compare(
  one: Case,
  servers: { readonly reference: World; readonly leaf: World; readonly difference: Difference | undefined },
): Promise<void> {
  const { reference, leaf, difference } = servers
  const expected = await look(one, reference)
  const actual = await look(one, leaf)
  if (difference === undefined) {
    assert.deepEqual(actual.sight, expected.sight, explain(actual.answer))
    return
  }
  const { status, error, why } = difference
  assert.deepEqual(
    { status: actual.sight.status, error: actual.sight.error },
    { status, error },
    `${why}; ${explain(actual.answer)}`,
  )
  assert.notDeepEqual(
    actual.sight,
    expected.sight,
    `the servers agree, so that this is no difference any more: ${why}`,
  )
}

async function look(one: Case, world: World): Promise<{ sight: Sight; answer: Answer }> {
  const answer = await send(world.url, await one.call(world))
  one.keep?.(world, answer)
  const error = errorOf(answer)
  const message = (answer.json as { message?: unknown } | undefined)?.message
  const sight: Sight = {
    status: answer.status,
    error,
    body: await shapeOf(answer),
    headers: Object.fromEntries((one.headers ?? []).map(name => [name, answer.headers.get(name)])),
    message: one.message === true ? String(message).replaceAll(world.alice.did, '<alice>') : undefined,
  }
  return { sight, answer }
}

function explain(answer: Answer): string {
  return `leaf answered ${answer.status} ${Buffer.from(answer.bytes.subarray(0, 600)).toString()}`
}
