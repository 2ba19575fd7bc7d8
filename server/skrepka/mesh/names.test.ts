import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNameRule, isPrivateHost, parseServerName } from './names.ts'

const rule = (serverHost: string, more: Partial<Parameters<typeof createNameRule>[0]> = {}) =>
  createNameRule({ serverHost, lengthMax: 128, ports: [], trusted: [], allow: [], deny: [], ...more })

test('a public relay federates with public names at the usual port only', () => {
  const isGood = rule('relay.example')
  for (const name of ['a.example', 'a-b.c.example', 'xn--bcher-kva.example', 'a1.example']) {
    assert.equal(isGood(name), true, name)
  }
  const bad = [
    '',
    'relay.example', // its own
    'localhost',
    'localhost:8080',
    'x.localhost',
    'x.local:1',
    'x.internal:80',
    'x.internal',
    'x.arpa',
    'x.onion',
    'redis',
    'metadata',
    'metadata:80',
    '127.0.0.1',
    '127.1',
    '10.0.0.1',
    '172.16.0.1',
    '100.64.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '198.18.0.1',
    '224.0.0.1',
    '0.0.0.0',
    '1.2.3.4', // public, but no certificate has it
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    'a.example.',
    'A.example',
    'a..example',
    '.a.example',
    '-a.example',
    'a-.example',
    'a_b.example',
    'a.example:',
    'a.example:0',
    'a.example:080',
    'a.example:65536',
    'a.example:443:1',
    'a.example:8443',
    'user@a.example',
    'a.example/x',
    'a.example?x',
    'a.example#x',
    'a.example\\x',
    'a.example x',
    'a.example%2e',
    'а.example', // Cyrillic
    '[::1]',
    '::1',
    '[::ffff:10.0.0.1]:80',
    'a.0x7f',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(70)}example`,
  ]
  for (const name of bad) assert.equal(isGood(name), false, name)
})

test('a relay with a private name may federate with private names and any port', () => {
  for (const own of ['localhost:9001', 'localhost', 'relay', 'a.local', '127.0.0.1:9001', '192.168.0.2']) {
    const isGood = rule(own)
    for (const name of ['localhost:9002', '127.0.0.1:9002', 'b.local', 'redis', 'a.example:8443']) {
      assert.equal(isGood(name), true, `${own} ${name}`)
    }
    for (const name of ['0x7f000001', '2130706433', '127.1', own, '']) assert.equal(isGood(name), false, name)
  }
})

test('what the operator wrote down wins: trusted names, allowed names, denied names, further ports', () => {
  assert.equal(rule('relay.example', { trusted: ['10.0.0.5:9001'] })('10.0.0.5:9001'), true)
  assert.equal(rule('relay.example', { ports: [8443] })('a.example:8443'), true)
  const closed = rule('relay.example', { allow: ['a.example'], trusted: ['b.example'] })
  assert.deepEqual(['a.example', 'b.example', 'c.example'].map(closed), [true, true, false])
  assert.equal(rule('relay.example', { deny: ['a.example'] })('a.example'), false)
  assert.equal(rule('relay.example', { lengthMax: 8 })('a.example'), false)
})

test('a name that is accepted is the host that a URL parser sees, so that what was checked is what is called', () => {
  const text = fc.string({ unit: fc.constantFrom(...'abz019x-.:@/\\?#%[]_ \t'), maxLength: 20 })
  fc.assert(
    fc.property(text, name => {
      const parsed = parseServerName(name)
      if (parsed === undefined) return
      const url = URL.parse(`https://${name}/path`)
      assert.equal(url?.hostname, parsed.host, name)
      assert.equal(url?.pathname, '/path', name)
      assert.equal(
        url?.port,
        parsed.port === undefined || parsed.port === 443 ? '' : String(parsed.port),
        name,
      )
    }),
    { numRuns: 5000 },
  )
})

test('private hosts are known by their suffix, the lack of a dot, or the address', () => {
  for (const host of ['localhost', 'a.localhost', 'nas', 'nas.lan', 'x.home', '10.1.2.3', '127.0.0.1']) {
    assert.equal(isPrivateHost(host), true, host)
  }
  for (const host of ['a.example', 'localhost.example', '8.8.8.8'])
    assert.equal(isPrivateHost(host), false, host)
})
