import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../../kernel/random.ts'
import { createPasswords, defaultCost } from './password.ts'

const cheap = { cost: 4, blockSize: 8, parallel: 1 }

test('a password is recognised, and nothing else is', async () => {
  const passwords = createPasswords({ random: systemRandom, cost: cheap })
  const hash = await passwords.hash('correct horse')
  assert.equal(await passwords.verify('correct horse', hash), true)
  for (const wrong of ['correct hors', 'correct horse ', '', 'Correct horse']) {
    assert.equal(await passwords.verify(wrong, hash), false)
  }
})

test('the same password gets another hash each time, with its parameters inside', async () => {
  const passwords = createPasswords({ random: systemRandom, cost: cheap })
  const [first, second] = [await passwords.hash('x'), await passwords.hash('x')]
  assert.notEqual(first, second)
  assert.match(first, /^scrypt\$4\$8\$1\$/)
  assert.equal(await createPasswords({ random: systemRandom }).verify('x', first), true)
})

test('without a hash, or with one that is none, everything is wrong', async () => {
  const passwords = createPasswords({ random: systemRandom, cost: cheap })
  for (const hash of [null, undefined, '', 'scrypt$40$8$1$aa$bb', 'plain']) {
    assert.equal(await passwords.verify('x', hash), false)
  }
})

test('the same letters in another Unicode form are the same password', async () => {
  const passwords = createPasswords({ random: systemRandom, cost: cheap })
  const hash = await passwords.hash('cafe\u0301')
  assert.equal(await passwords.verify('caf\u00e9', hash), true)
})

test('when too many wait, the next one is asked to come back', async () => {
  const passwords = createPasswords({ random: systemRandom, cost: { ...defaultCost, cost: 10 } })
  const answers = await Promise.allSettled(Array.from({ length: 80 }, () => passwords.hash('x')))
  const refused = answers.filter(answer => answer.status === 'rejected')
  assert.equal(refused.length, 80 - 66)
  assert.ok(refused.every(answer => answer.reason.code === 'unavailable' && answer.reason.retryAfterMs > 0))
  assert.match(await passwords.hash('x'), /^scrypt/)
})
