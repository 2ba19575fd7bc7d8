import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ConfigError,
  type Environment,
  flag,
  httpUrl,
  integer,
  joinTables,
  list,
  longSecret,
  nearestName,
  oneOf,
  readConfig,
  required,
  setting,
  text,
} from './config.ts'

const tables = {
  house: {
    port: setting(integer({ min: 1, max: 65_535 }), { name: 'PDS_PORT', doc: 'The port.', fallback: 3334 }),
    secret: setting(longSecret, {
      name: 'PDS_JWT_SECRET',
      doc: 'Signs tokens.',
      secret: true,
      fallback: { development: 'made up', production: required },
    }),
    key: setting(longSecret, {
      name: 'PDS_KEY',
      doc: 'Seals keys.',
      secret: true,
      fallback: { development: 'made up', production: required },
    }),
    word: setting(oneOf(['this', 'that']), {
      name: 'PDS_WORD',
      doc: 'A word.',
      secret: true,
      fallback: 'this',
    }),
    level: setting(oneOf(['info', 'warn']), { name: 'LEAF_LOG_LEVEL', doc: 'How much.', fallback: 'info' }),
  },
  pds: {
    relays: setting(list, { name: 'PDS_RELAYS', doc: 'Relays.', fallback: [], aliases: ['PDS_CRAWLERS'] }),
  },
}

const read = (env: Environment) =>
  readConfig({ tables, env, foreignNames: { PDS_ADMIN_PASSWORD: 'is not read.' } })

function faultsOf(env: Environment): Record<string, string> {
  try {
    read(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return Object.fromEntries(error.faults.map(fault => [fault.name, fault.sentence]))
  }
  return {}
}

test('without any variable, development has its defaults', () => {
  const { mode, values, notes } = read({})
  assert.equal(mode, 'development')
  assert.deepEqual(values, {
    house: { port: 3334, secret: 'made up', key: 'made up', word: 'this', level: 'info' },
    pds: { relays: [] },
  })
  assert.deepEqual(notes, [])
})

test('an empty variable counts as absent', () => {
  assert.equal(read({ PDS_PORT: '' }).values.house.port, 3334)
})

test('production is what an https address or NODE_ENV asks for, and refuses to start naming everything that is missing', () => {
  for (const env of [{ PUBLIC_URL: 'https://leaf.example' }, { NODE_ENV: 'production' }]) {
    assert.deepEqual(faultsOf(env), {
      PDS_JWT_SECRET: 'is missing. Signs tokens.',
      PDS_KEY: 'is missing. Seals keys.',
    })
  }
})

test('all faults are told at once', () => {
  const faults = faultsOf({ PDS_PORT: '70000', LEAF_LOG_LEVEL: 'loud', LEAF_DATADIR: '/x', STREAMS_X: '1' })
  assert.deepEqual(Object.keys(faults).toSorted(), [
    'LEAF_DATADIR',
    'LEAF_LOG_LEVEL',
    'PDS_PORT',
    'STREAMS_X',
  ])
  assert.equal(faults['PDS_PORT'], 'expected a whole number from 1 to 65535, got "70000"')
  assert.equal(faults['LEAF_LOG_LEVEL'], 'expected one of info, warn, got "loud"')
})

test('an unknown name of ours is refused with the nearest one that exists', () => {
  assert.equal(
    faultsOf({ LEAF_LOG_LEVL: 'info' })['LEAF_LOG_LEVL'],
    'is no setting of Leaf. Is LEAF_LOG_LEVEL meant?',
  )
  assert.equal(faultsOf({ SKREPKA_SOMETHING_ELSE: '1' })['SKREPKA_SOMETHING_ELSE'], 'is no setting of Leaf.')
})

test("the reference's names are explained, and other programs' names left alone", () => {
  const { notes } = read({ PDS_ADMIN_PASSWORD: 'x', PDS_RELAY: 'y', HOME: '/root', LEAFLET: '1' })
  assert.deepEqual(notes, [
    { name: 'PDS_ADMIN_PASSWORD', sentence: 'is not read.' },
    { name: 'PDS_RELAY', sentence: 'is no setting of Leaf. Is PDS_RELAYS meant?' },
  ])
})

test('two names of one setting may agree, but not differ', () => {
  assert.deepEqual(read({ PDS_CRAWLERS: 'a, b' }).values.pds.relays, ['a', 'b'])
  assert.deepEqual(read({ PDS_CRAWLERS: 'a', PDS_RELAYS: 'a' }).values.pds.relays, ['a'])
  assert.match(
    faultsOf({ PDS_CRAWLERS: 'a', PDS_RELAYS: 'b' })['PDS_RELAYS'] ?? '',
    /two names for one setting/,
  )
})

test('a secret is not repeated in what is told about it', () => {
  const said = JSON.stringify(faultsOf({ PDS_JWT_SECRET: 'too-short-secret', PDS_WORD: 'hidden' }))
  assert.ok(!said.includes('too-short-secret'))
  assert.match(said, /expected one of this, that, got/)
  assert.ok(!said.includes('hidden'))
  assert.match(said, /expected at least 32 characters, got 16/)
})

test('a name that two settings claim is a mistake in the program', () => {
  const again = { again: setting(text, { name: 'PDS_CRAWLERS', doc: '', fallback: '' }) }
  assert.throws(() => joinTables({ ...tables, streams: again }), /streams claims the setting PDS_CRAWLERS/)
})

test('parsers say what was expected and what came', () => {
  assert.equal(flag('Yes'), true)
  assert.equal(flag('off'), false)
  assert.throws(() => flag('perhaps'), { message: 'expected true or false, got "perhaps"' })
  assert.equal(httpUrl('https://leaf.example/'), 'https://leaf.example')
  assert.throws(() => httpUrl('ftp://leaf.example'), /expected an http or https URL/)
  assert.throws(() => integer({ min: 0, max: 9 })('1e0'), /expected a whole number from 0 to 9/)
})

test('a name with up to two slips still finds what was meant', () => {
  const names = ['LEAF_DATA_DIR', 'LEAF_SYSTEMS', 'LEAF_METRICS_TOKEN']
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(), (name, one, two) => {
      const slipped = [one, two].reduce(
        (word, at) => word.slice(0, at % word.length) + word.slice((at % word.length) + 1),
        name,
      )
      assert.equal(nearestName(slipped, names), name)
    }),
  )
  assert.equal(nearestName('SOMETHING_ELSE', names), undefined)
})
