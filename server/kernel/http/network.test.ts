import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf } from './network.ts'

test('an IPv4 address stands for itself', () => {
  assert.equal(networkOf('198.51.100.7'), '198.51.100.7')
})

test('an IPv6 address stands for its /64, in whatever spelling', () => {
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0:0')
  assert.equal(networkOf('2001:0DB8:0:0:ffff::2'), '2001:db8:0:0')
  assert.equal(networkOf('2001:db8:0:1:2:3:4:5'), '2001:db8:0:1')
  assert.equal(networkOf('::1'), '0:0:0:0')
  assert.equal(networkOf('::'), '0:0:0:0')
})
