import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProxyTrust, forwardedOrigin, plainAddress } from './proxies.ts'

const trust = createProxyTrust(['10.0.0.0/8', 'loopback', '2001:db8::/32'])
const origin = (peer: string, headers: Record<string, string>) => forwardedOrigin(peer, headers, trust)

test('the address is the rightmost one that is no trusted proxy', () => {
  const address = (list: string) => origin('127.0.0.1', { 'x-forwarded-for': list }).address
  assert.equal(address('203.0.113.9'), '203.0.113.9')
  assert.equal(address('1.1.1.1, 203.0.113.9'), '203.0.113.9')
  assert.equal(address('1.1.1.1, 203.0.113.9, 10.1.2.3'), '203.0.113.9')
  assert.equal(address('203.0.113.9, 10.1.2.3, 2001:db8::7'), '203.0.113.9')
  assert.equal(address('10.1.2.3'), '10.1.2.3')
})

test('an entry that is no address ends the walk', () => {
  assert.equal(
    origin('127.0.0.1', { 'x-forwarded-for': '203.0.113.9, unknown, 10.1.2.3' }).address,
    '10.1.2.3',
  )
  assert.equal(origin('127.0.0.1', { 'x-forwarded-for': 'unknown' }).address, '127.0.0.1')
  assert.equal(origin('127.0.0.1', {}).address, '127.0.0.1')
})

test('ports and brackets that some proxies write are taken off', () => {
  assert.equal(origin('127.0.0.1', { 'x-forwarded-for': '203.0.113.9:4711' }).address, '203.0.113.9')
  assert.equal(origin('127.0.0.1', { 'x-forwarded-for': '[2a00::1]:4711' }).address, '2a00::1')
  assert.equal(origin('127.0.0.1', { 'x-forwarded-for': '::ffff:203.0.113.9' }).address, '203.0.113.9')
})

test('scheme and host are those that the outermost trusted proxy wrote, not what its caller made up', () => {
  const through = origin('127.0.0.1', {
    host: 'inner:3334',
    'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3',
    'x-forwarded-proto': 'http, https, http',
    'x-forwarded-host': 'evil.example, Leaf.example, inner',
  })
  assert.deepEqual(through, { address: '203.0.113.9', secure: true, host: 'leaf.example' })
  const single = origin('127.0.0.1', {
    host: 'inner:3334',
    'x-forwarded-for': '6.6.6.6, 203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'leaf.example',
  })
  assert.deepEqual(single, { address: '203.0.113.9', secure: true, host: 'leaf.example' })
})

test('without a forwarded host the Host header counts', () => {
  assert.equal(
    origin('127.0.0.1', { host: 'Leaf.Example:8080', 'x-forwarded-for': '203.0.113.9' }).host,
    'leaf.example:8080',
  )
})

test('networks, single addresses and words are trusted, everything else is not', () => {
  assert.equal(trust.trusts('10.255.0.1'), true)
  assert.equal(trust.trusts('11.0.0.1'), false)
  assert.equal(trust.trusts('::1'), true)
  assert.equal(trust.trusts('2001:db9::1'), false)
  assert.equal(trust.trusts('not an address'), false)
  assert.equal(createProxyTrust(['192.0.2.7']).trusts('192.0.2.7'), true)
  assert.equal(createProxyTrust(['private']).trusts('192.168.3.4'), true)
  assert.equal(createProxyTrust([]).trusts('127.0.0.1'), false)
})

test('a network that is none is refused by name', () => {
  for (const wrong of ['localhost', '10.0.0.0/33', '10.0.0.0/', '::1/129', '10.0.0/8']) {
    assert.throws(() => createProxyTrust([wrong]), new RegExp(`got "${wrong}"`), wrong)
  }
})

test('addresses are told without zone, and IPv4 always as IPv4', () => {
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  assert.equal(plainAddress('::FFFF:192.0.2.1'), '192.0.2.1')
  assert.equal(plainAddress('2001:DB8::1'), '2001:db8::1')
})
