/** Streams in a whole Leaf, with the client that people have. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LeafClient } from '@muni-town/leaf-client'
import { followingScenarios } from './streams/following.ts'
import { methodScenarios } from './streams/methods.ts'
import { plainModule } from './streams/modules.ts'
import { createPeople, raisedLimits, unsafeToken } from './streams/people.ts'
import { onEveryEngine } from './support/engines.ts'
import { startLeaf } from './support/leaf.ts'

onEveryEngine('the published client of streams', methodScenarios, { env: raisedLimits })
onEveryEngine('what follows streams', followingScenarios, { env: raisedLimits })

it('throttles are the seed’s, with its JSON, and an override lifts them', { timeout: 60_000 }, async t => {
  const leaf = await startLeaf({
    env: {
      ...raisedLimits,
      LEAF_SYSTEMS: 'pds,streams',
      STREAM_CREATE_LIMIT_PER_WINDOW: '2',
      STREAM_SUBSCRIBE_LIMIT_PER_WINDOW: '4',
      MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR: '3',
      STREAMS_DID: 'did:web:streams.example.com',
      STREAMS_THROTTLE_OVERRIDES: 'did:web:streams.example.com=off',
    },
  })
  const people = createPeople(() => leaf)
  t.after(async () => {
    people.disconnect()
    await leaf.dispose()
  })
  const { client } = await people.person('eager', { aud: 'did:web:streams.example.com' })
  const { moduleCid } = await client.uploadBasicModule(plainModule)
  const { streamDid } = await client.createStream(moduleCid)
  await client.createStream(moduleCid)
  const refusalOf = async (call: Promise<unknown>): Promise<Record<string, unknown>> =>
    call.then(
      () => assert.fail('it was not refused'),
      (error: Error) => JSON.parse(error.message),
    )
  const created = await refusalOf(client.createStream(moduleCid))
  const { retryAfterMs } = created
  assert.ok(Number(retryAfterMs) > 0 && Number(retryAfterMs) <= 30_000)
  assert.deepEqual(created, {
    activeSubscriptions: 0,
    attemptsInWindow: 3,
    code: 'rate_limited',
    endpoint: 'stream/create',
    limit: 2,
    maxActiveSubscriptions: 3,
    retryAfterMs,
    reason: 'window',
  })
  const subscribe = (by: LeafClient) => by.subscribeEvents(streamDid, { name: 'lines', params: {} }, () => {})
  for (let count = 0; count < 3; count += 1) await subscribe(client)
  assert.partialDeepStrictEqual(await refusalOf(subscribe(client)), {
    code: 'rate_limited',
    endpoint: 'stream/subscribe_events',
    activeSubscriptions: 3,
    reason: 'active',
  })
  assert.partialDeepStrictEqual(await refusalOf(subscribe(client)), { attemptsInWindow: 5, reason: 'window' })
  const operator = await people.connect(unsafeToken)
  for (let count = 0; count < 10; count += 1) await subscribe(operator)
})
