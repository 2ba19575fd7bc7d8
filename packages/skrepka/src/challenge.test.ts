import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { challengeText, namesRelay } from './challenge.ts'
import { fromHex, toHex } from './hex.ts'
import { identityFromSeed } from './identity.ts'

interface Case {
  readonly name: string
  readonly serverHost: string
  readonly seed: string
  readonly key: string
  readonly challenge: string
  readonly r: string
  readonly signature: string
  readonly boundHost?: string
}
const { cases } = JSON.parse(
  readFileSync(new URL('../../../vectors/skrepka-proof.json', import.meta.url), 'utf8'),
) as { cases: Case[] }

test('a challenge names the relay that made it, for that key only', () => {
  for (const { name, serverHost, challenge, r, key } of cases) {
    const claim = { challenge, r, serverHost, publicKey: fromHex(key) }
    assert.ok(namesRelay(claim), name)
    assert.ok(!namesRelay({ ...claim, serverHost: 'evil.example' }), name)
    assert.ok(!namesRelay({ ...claim, serverHost: `${serverHost}.` }), name)
    assert.ok(!namesRelay({ ...claim, publicKey: new Uint8Array(32) }), name)
    assert.ok(!namesRelay({ ...claim, r: r.replace(/./, digit => (digit === '0' ? '1' : '0')) }), name)
    for (const at of [0, 15, 47]) {
      const digit = challenge[at] === '0' ? '1' : '0'
      assert.ok(
        !namesRelay({ ...claim, challenge: challenge.slice(0, at) + digit + challenge.slice(at + 1) }),
        name,
      )
    }
  }
})

test('what is no challenge of this kind names nobody', () => {
  const { challenge, r, serverHost, key } = cases[0]!
  const publicKey = fromHex(key)
  for (const text of ['', challenge.slice(2), `${challenge}00`, challenge.toUpperCase(), 'x'.repeat(48)]) {
    assert.ok(!namesRelay({ challenge: text, r, serverHost, publicKey }))
  }
  assert.ok(!namesRelay({ challenge, r: r.slice(2), serverHost, publicKey }))
})

test('the text of a challenge is signed, bare or bound to a host', async () => {
  for (const { name, seed, challenge, signature, boundHost } of cases) {
    const identity = identityFromSeed(fromHex(seed))
    assert.equal(toHex(await identity.sign(challengeText(challenge, boundHost))), signature, name)
  }
})
