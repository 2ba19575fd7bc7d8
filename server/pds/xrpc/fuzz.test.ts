import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as fc from 'fast-check'
import { alice, openRepoHouse, type RepoHouse } from './test-house.ts'

const ns = 'com.atproto.repo'
const note = 'com.example.note'

let house: RepoHouse
before(async () => {
  house = await openRepoHouse()
  await house.addAccount(alice, 'alice.test')
})
after(() => house.close())

describe('fuzzed', () => {
  test('bodies of any JSON never give a 5xx', async () => {
    const methods = fc.constantFrom('createRecord', 'putRecord', 'deleteRecord', 'applyWrites')
    const member = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.constantFrom(alice, note, 'a', '', '\0', '\ud800'),
    )
    const body = fc.record(
      {
        repo: fc.oneof(
          { weight: 9, arbitrary: fc.constant<unknown>(alice) },
          { weight: 1, arbitrary: member },
        ),
        collection: fc.oneof(
          { weight: 6, arbitrary: fc.constant<unknown>(note) },
          { weight: 1, arbitrary: member },
        ),
        rkey: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom<unknown>('a', 'b', 'z') },
          { weight: 1, arbitrary: member },
        ),
        record: member,
        validate: fc.oneof(fc.boolean(), member),
        swapRecord: member,
        swapCommit: member,
        writes: fc.oneof(
          fc.array(
            fc.record(
              {
                $type: fc
                  .constantFrom('create', 'update', 'delete', 'x')
                  .map(action => `${ns}.applyWrites#${action}`),
                collection: fc.constantFrom<unknown>(note, 'x'),
                rkey: fc.constantFrom<unknown>('a', 'b', 'z', 'a/b', 12),
                value: member,
              },
              { requiredKeys: ['$type'] },
            ),
            { maxLength: 5 },
          ),
          member,
        ),
      },
      { requiredKeys: ['repo'] },
    )
    await fc.assert(
      fc.asyncProperty(methods, body, async (method, made) => {
        const { status, body: answer } = await house.call(`${ns}.${method}`, { as: alice, json: made })
        assert.ok(status < 500, `${status} ${JSON.stringify(answer)}`)
      }),
      { numRuns: 400 },
    )
  })

  test('queries never give a 5xx', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(alice, 'alice.test', note, 'a', '\0', '%zz'),
    )
    const params = fc.dictionary(
      fc.constantFrom('repo', 'collection', 'rkey', 'limit', 'cursor', 'reverse', 'cid', 'x'),
      value,
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('getRecord', 'listRecords', 'describeRepo'),
        params,
        async (method, made) => {
          const { status } = await house.call(`${ns}.${method}`, {
            params: { repo: alice, collection: note, rkey: 'a', ...made },
          })
          assert.ok(status < 500, String(status))
        },
      ),
      { numRuns: 300 },
    )
  })
})
