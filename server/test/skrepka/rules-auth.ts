/** Challenge, verify, session. */
import assert from 'node:assert/strict'
import { assertRefused, challengeOf, createPerson, logIn, numberField, textField } from './client.ts'
import type { CallOptions, Rule, Subject } from './subject.ts'

const hour = 3_600_000

const stands = async (relay: Subject, token: string, options: CallOptions = {}) => {
  const headers = { authorization: `Bearer ${token}` }
  const { status } = await relay.call('/messages', { messages: [] }, { ...options, headers })
  return status === 200
}

export const authRules: readonly Rule[] = [
  {
    title: 'a challenge has 48 lower-case hex digits, is new each time, and stands for a minute',
    run: async relay => {
      const { key } = createPerson()
      const one = await relay.call('/auth/challenge', { pubkey: key })
      const two = await relay.call('/auth/challenge', { pubkey: key })
      assert.match(textField(one, 'challenge'), /^[0-9a-f]{48}$/)
      assert.notEqual(textField(one, 'challenge'), textField(two, 'challenge'))
      assert.ok(Math.abs(numberField(one, 'expiresAt') - relay.now() - 60_000) < 5000)
    },
  },
  {
    title: 'a signature over the text of the challenge gives a token of 48 hex digits for an hour',
    run: async relay => {
      const person = createPerson()
      const challenge = await challengeOf(relay, person)
      const signature = person.sign(challenge)
      const body = { pubkey: person.key, challenge, signature, revokeOthers: false }
      const answer = await relay.call('/auth/verify', body)
      assert.deepEqual(Object.keys(answer.json ?? {}), ['expiresAt', 'token'])
      assert.match(textField(answer, 'token'), /^[0-9a-f]{48}$/)
      assert.ok(Math.abs(numberField(answer, 'expiresAt') - relay.now() - hour) < 5000)
      assert.equal(await stands(relay, textField(answer, 'token')), true)
    },
  },
  {
    title: 'revokeOthers may be missing, which is false',
    run: async relay => {
      const person = createPerson()
      const first = await logIn(relay, person)
      const challenge = await challengeOf(relay, person)
      const body = { pubkey: person.key, challenge, signature: person.sign(challenge) }
      assert.equal((await relay.call('/auth/verify', body)).status, 200)
      assert.equal(await stands(relay, first.token), true)
    },
  },
  {
    title: 'a wrong signature is 401 invalid, and does not use the challenge up',
    run: async relay => {
      const person = createPerson()
      const challenge = await challengeOf(relay, person)
      const body = { pubkey: person.key, challenge, revokeOthers: false }
      const wrong = { ...body, signature: person.sign(`${challenge}.`) }
      assertRefused(await relay.call('/auth/verify', wrong), 401, 'invalid')
      const right = { ...body, signature: person.sign(challenge) }
      assert.equal((await relay.call('/auth/verify', right)).status, 200)
    },
  },
  {
    title: 'a challenge is good once',
    run: async relay => {
      const person = createPerson()
      const challenge = await challengeOf(relay, person)
      const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers: false }
      assert.equal((await relay.call('/auth/verify', body)).status, 200)
      assertRefused(await relay.call('/auth/verify', body), 401, 'invalid')
    },
  },
  {
    title: 'a challenge of somebody else, or one that was never given, is 401 invalid',
    run: async relay => {
      const [person, other] = [createPerson(), createPerson()]
      const hers = await challengeOf(relay, other)
      for (const challenge of [hers, '', 'x', 'ab'.repeat(24), 'ab'.repeat(500)]) {
        const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers: false }
        assertRefused(await relay.call('/auth/verify', body), 401, 'invalid')
      }
    },
  },
  {
    title: 'a challenge is over after a minute',
    virtual: true,
    run: async relay => {
      const person = createPerson()
      const challenge = await challengeOf(relay, person)
      await relay.pass(60_001)
      const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers: false }
      assertRefused(await relay.call('/auth/verify', body), 401, 'invalid')
    },
  },
  {
    title: 'of a key’s challenges the newest five stand',
    virtual: true,
    run: async relay => {
      const person = createPerson()
      const challenges: string[] = []
      for (let count = 0; count < 6; count += 1) {
        challenges.push(await challengeOf(relay, person))
        await relay.pass(10)
      }
      const verify = async (challenge: string | undefined) => {
        assert.ok(challenge !== undefined)
        const signature = person.sign(challenge)
        const body = { pubkey: person.key, challenge, signature, revokeOthers: false }
        return (await relay.call('/auth/verify', body)).status
      }
      assert.equal(await verify(challenges[0]), 401)
      assert.equal(await verify(challenges[1]), 200)
    },
  },
  {
    title: 'a challenge that was given to one address is 401 invalid from another',
    run: async relay => {
      const person = createPerson()
      const challenge = await challengeOf(relay, person, { address: '198.51.100.8' })
      const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers: false }
      assertRefused(await relay.call('/auth/verify', body, { address: '198.51.100.9' }), 401, 'invalid')
      assert.equal((await relay.call('/auth/verify', body, { address: '198.51.100.8' })).status, 200)
    },
  },
  {
    title: 'a session is bound to the address that a proxy named, and to none when none was named',
    run: async relay => {
      const person = createPerson()
      const bound = await logIn(relay, person, { address: '198.51.100.8' })
      assert.equal(await stands(relay, bound.token, { address: '198.51.100.8' }), true)
      assert.equal(await stands(relay, bound.token, { address: '198.51.100.9' }), false)
      const free = await logIn(relay, person)
      assert.equal(await stands(relay, free.token), true)
      assert.equal(await stands(relay, free.token, { address: '198.51.100.9' }), true)
    },
  },
  {
    title: 'a key that is no point on the curve logs nobody in',
    run: async relay => {
      const pubkey = `02${'00'.repeat(30)}00`
      const answer = await relay.call('/auth/challenge', { pubkey })
      const challenge = textField(answer, 'challenge')
      const body = { pubkey, challenge, signature: '00'.repeat(64), revokeOthers: false }
      assert.notEqual((await relay.call('/auth/verify', body)).status, 200)
    },
  },
  {
    title: 'revokeOthers ends every other session of the key, and nobody else’s',
    run: async relay => {
      const [person, other] = [createPerson(), createPerson()]
      const old = await logIn(relay, person)
      const theirs = await logIn(relay, other)
      const fresh = await logIn(relay, person, { revokeOthers: true })
      assert.deepEqual(
        [await stands(relay, old.token), await stands(relay, theirs.token), await stands(relay, fresh.token)],
        [false, true, true],
      )
    },
  },
  {
    title: 'a key has ten sessions, and the eleventh ends the oldest',
    virtual: true,
    run: async relay => {
      const person = createPerson()
      const tokens: string[] = []
      for (let count = 0; count < 11; count += 1) {
        tokens.push((await logIn(relay, person)).token)
        await relay.pass(10_000)
      }
      assert.equal(await stands(relay, tokens[0] ?? ''), false)
      assert.equal(await stands(relay, tokens[1] ?? ''), true)
    },
  },
  {
    title: 'a session is over after an hour',
    virtual: true,
    run: async relay => {
      const { token } = await logIn(relay, createPerson())
      await relay.pass(hour - 60_000)
      assert.equal(await stands(relay, token), true)
      await relay.pass(61_000)
      assert.equal(await stands(relay, token), false)
    },
  },
  {
    title: 'without exactly "Bearer " and a token that stands, poll and messages are 401 unauthorized',
    run: async relay => {
      const { token } = await logIn(relay, createPerson())
      const wrong = [
        undefined,
        '',
        token,
        `bearer ${token}`,
        `Bearer  ${token}`,
        `Bearer ${token}0`,
        'Bearer ',
      ]
      for (const authorization of wrong) {
        const headers = authorization === undefined ? {} : { authorization }
        assertRefused(await relay.call('/poll', { cursor: 0 }, { headers }), 401, 'unauthorized')
        assertRefused(await relay.call('/messages', { messages: [] }, { headers }), 401, 'unauthorized')
      }
    },
  },
]
