import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenAddress } from './listen-address.ts'

test('a port alone means every address', () => {
  for (const text of ['5530', ':5530']) assert.deepEqual(listenAddress(text), { host: '::', port: 5530 })
})

test('an address of either kind may stand before the port', () => {
  assert.deepEqual(listenAddress('127.0.0.1:5530'), { host: '127.0.0.1', port: 5530 })
  assert.deepEqual(listenAddress('[::1]:0'), { host: '::1', port: 0 })
})

test('what is neither is told with what was expected', () => {
  for (const wrong of ['', ':', 'localhost:5530', '::1:5530', '127.0.0.1', '70000', '1.2.3:5', 'x'])
    assert.throws(() => listenAddress(wrong), /expected a port, or an address with a port/, wrong)
})
