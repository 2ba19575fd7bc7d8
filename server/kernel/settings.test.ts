import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, type Environment, readConfig } from './config.ts'
import { checkHouseSettings, houseSettings } from './settings.ts'

const read = (env: Environment) =>
  readConfig({
    tables: { house: houseSettings },
    env,
    check: ({ house }, mode, faults) => checkHouseSettings(house, mode, faults),
  }).values.house

const sentence = (env: Environment): string => {
  try {
    read(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  return 'no fault'
}

const production = { PUBLIC_URL: 'https://leaf.example' }

test('development needs no setting, listens on this machine only and trusts no proxy', () => {
  const house = read({})
  assert.deepEqual(house.bind, ['127.0.0.1', '::1'])
  assert.deepEqual(house.trustedProxies, [])
  assert.equal(house.port, 3334)
  assert.equal(house.dataDir, './data')
  assert.equal(house.plcDirectoryUrl, undefined)
})

test('production listens everywhere, behind a proxy on this machine, and uses the public directory', () => {
  const house = read(production)
  assert.deepEqual(house.bind, ['::'])
  assert.deepEqual(house.trustedProxies, ['loopback'])
  assert.equal(house.plcDirectoryUrl, 'https://plc.directory')
})

test('development refuses to listen for others', () => {
  assert.match(
    sentence({ LEAF_BIND: '127.0.0.1,0.0.0.0' }),
    /LEAF_BIND: development mode listens on this machine only, not on 0\.0\.0\.0/,
  )
  assert.equal(sentence({ ...production, LEAF_BIND: '0.0.0.0' }), 'no fault')
})

test('a public address has no path', () => {
  assert.match(sentence({ PUBLIC_URL: 'https://leaf.example/pds' }), /must not have a path/)
})

test('systems are those that exist; all of them when nothing is said', () => {
  assert.deepEqual(read({ LEAF_SYSTEMS: 'pds, pds' }).systems, ['pds'])
  assert.match(
    sentence({ LEAF_SYSTEMS: 'pds,mail' }),
    /expected one of pds, streams, entities, skrepka, got "mail"/,
  )
  assert.deepEqual(read({}).systems, ['pds', 'streams', 'entities', 'skrepka'])
})

test('S3 settings come together or not at all', () => {
  assert.match(
    sentence({ BLOB_S3_BUCKET: 'b', BLOB_S3_ACCESS_KEY_ID: 'k' }),
    /BLOB_S3_SECRET_ACCESS_KEY: is missing/,
  )
  assert.match(sentence({ BLOB_S3_SECRET_ACCESS_KEY: 's' }), /BLOB_S3_BUCKET: is missing/)
})

test('addresses that may hold a password are not repeated when they are wrong', () => {
  assert.match(
    sentence({ DATABASE_URL: 'mysql://u:hidden@h/d' }),
    /DATABASE_URL: expected an address like postgres:/,
  )
  assert.ok(!sentence({ REDIS_URL: 'http://u:hidden@h' }).includes('hidden'))
})

test('a trusted proxy that is no network is told', () => {
  assert.match(sentence({ LEAF_TRUSTED_PROXIES: 'nginx' }), /got "nginx"/)
  assert.deepEqual(read({ ...production, LEAF_TRUSTED_PROXIES: 'none' }).trustedProxies, [])
})
