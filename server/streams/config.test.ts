import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConfigFault, type Environment, type Mode, readSettings } from '../kernel/config.ts'
import { checkStreamsSettings, streamsFlags, streamsSettings } from './config.ts'

function read(env: Environment, mode: Mode = 'development') {
  const faults: ConfigFault[] = []
  const settings = readSettings(streamsSettings, env, mode, faults)
  if (faults.length === 0) checkStreamsSettings(settings, mode, faults)
  return { settings, faults: faults.map(({ name, sentence }) => `${name} ${sentence}`) }
}
const alice = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

test('the seed’s throttles have the seed’s names and defaults', () => {
  const { settings } = read({})
  assert.deepEqual(
    [settings.throttleWindowSecs, settings.createLimit, settings.subscribeLimit, settings.activeMax],
    [30, 8, 20, 64],
  )
  const set = read({
    THROTTLE_WINDOW_SECS: '60',
    STREAM_CREATE_LIMIT_PER_WINDOW: '1',
    STREAM_SUBSCRIBE_LIMIT_PER_WINDOW: '2',
    MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR: '3',
  }).settings
  assert.deepEqual(
    [set.throttleWindowSecs, set.createLimit, set.subscribeLimit, set.activeMax],
    [60, 1, 2, 3],
  )
})

test('upstream’s names are taken, and two values for one thing are a fault', () => {
  const { settings } = read({
    DID: 'did:web:leaf.example',
    LISTEN_ADDRESS: '127.0.0.1:5530',
    MODULE_ADMINS: alice,
  })
  assert.equal(settings.did, 'did:web:leaf.example')
  assert.deepEqual(settings.listen, { host: '127.0.0.1', port: 5530 })
  assert.deepEqual(settings.moduleAdmins, [alice])
  const { faults } = read({ DID: 'did:web:a.example', STREAMS_DID: 'did:web:b.example' })
  assert.match(faults.join(), /two names for one setting/)
})

test('every flag is a setting', () => {
  const names = new Set(Object.values(streamsSettings).flatMap(one => [one.name, ...(one.aliases ?? [])]))
  for (const variable of streamsFlags.values()) assert.ok(names.has(variable), variable)
})

test('overrides name a DID and three limits, or none', () => {
  const { settings } = read({ STREAMS_THROTTLE_OVERRIDES: `${alice}=100/5000/0, did:web:bridge.example=off` })
  assert.deepEqual(
    [...settings.throttleOverrides],
    [
      [alice, { creates: 100, subscribes: 5000, active: 1 }],
      ['did:web:bridge.example', { creates: undefined, subscribes: undefined, active: undefined }],
    ],
  )
  for (const wrong of ['alice=off', alice, `${alice}=1/2`, `${alice}=a/b/c`, `${alice}=1/2/3=4`])
    assert.equal(read({ STREAMS_THROTTLE_OVERRIDES: wrong }).faults.length, 1, wrong)
})

test('in production the unsafe token has 32 characters, and its value is never told', () => {
  const { faults } = read({ UNSAFE_AUTH_TOKEN: 'token123' }, 'production')
  assert.deepEqual(faults, ['UNSAFE_AUTH_TOKEN expected at least 32 characters in production, got 8'])
  assert.deepEqual(read({ UNSAFE_AUTH_TOKEN: 'token123' }).faults, [])
  assert.deepEqual(read({ UNSAFE_AUTH_TOKEN: 'x'.repeat(32) }, 'production').faults, [])
})

test('in development the listener of its own is for this machine only', () => {
  assert.match(read({ STREAMS_LISTEN: '5530' }).faults.join(), /take 127.0.0.1:5530/)
  assert.deepEqual(read({ STREAMS_LISTEN: '5530' }, 'production').faults, [])
})

test('in production streams are created by members, in development by anyone', () => {
  assert.equal(read({}).settings.create, 'anyone')
  assert.equal(read({}, 'production').settings.create, 'members')
})
