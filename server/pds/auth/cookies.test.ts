import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCookies } from './cookies.ts'
import { createCsrf } from './csrf.ts'

const value = 'abcdefghijklmnop-_ABCDEF'

test('in production cookies are bound to the host and to TLS', () => {
  const cookies = createCookies({ production: true, port: 443 })
  assert.equal(
    cookies.set('session', value, 60_000),
    `__Host-leaf-session=${value}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure`,
  )
  assert.equal(cookies.read(`leaf-session=other-other-other; __Host-leaf-session=${value}`, 'session'), value)
})

test('in development two servers on one host keep their cookies apart', () => {
  const [one, two] = [
    createCookies({ production: false, port: 1 }),
    createCookies({ production: false, port: 2 }),
  ]
  const header = one.set('session', value, 1_000).split(';')[0]
  assert.equal(one.read(header, 'session'), value)
  assert.equal(two.read(header, 'session'), undefined)
  assert.equal(one.read(header, 'browser'), undefined)
})

test('what is no cookie of ours is not read', () => {
  const cookies = createCookies({ production: false, port: 1 })
  for (const bad of ['', 'short', 'x'.repeat(200), 'a b c d e f g h i j k', '"quoted-quoted-quoted"']) {
    assert.equal(cookies.read(`leaf-session-1=${bad}`, 'session'), undefined)
  }
  assert.equal(cookies.read(undefined, 'session'), undefined)
})

test('a form counts in production only from the public address', () => {
  const csrf = createCsrf({ secret: 'x'.repeat(32), publicUrl: 'https://leaf.example', production: true })
  const binding = 'session:1'
  const proof = { binding, token: csrf.token(binding), origin: 'https://leaf.example', host: 'leaf.example' }
  csrf.assert(proof)
  csrf.assert({ ...proof, origin: undefined })
  for (const change of [
    { origin: 'https://alice.leaf.example', host: 'alice.leaf.example' },
    { origin: 'http://leaf.example' },
    { origin: 'null' },
    { token: '' },
    { token: csrf.token('session:2') },
  ]) {
    assert.throws(() => csrf.assert({ ...proof, ...change }), { code: 'forbidden' })
  }
})
