import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from './clock.ts'
import { ConfigError } from './config.ts'
import { Corruption } from './errors.ts'
import { StartFault } from './lifecycle.ts'
import { exitCodes, type House, runHouse } from './run.ts'

/** A process around a house: signals to send, what was told, how it ended. */
function processOf(house: Partial<House> = {}, failing?: Error) {
  const clock = createManualClock()
  const running = Promise.withResolvers<readonly string[]>()
  const told: string[] = []
  const exits: number[] = []
  let signal: (name: string) => void = () => undefined
  let fatal: (error: unknown) => void = () => undefined
  const ended = runHouse({
    compose: async onFatal => {
      fatal = onFatal
      if (failing !== undefined) throw failing
      return {
        start: async () => ({ address: 'http://localhost:3334', lines: ['pds'] }),
        stop: async () => [],
        ...house,
      }
    },
    clock,
    onSignal: listener => {
      signal = listener
      return () => undefined
    },
    started: ({ address, lines }) => running.resolve([...lines, address]),
    tell: sentence => void told.push(sentence),
    exit: code => void exits.push(code),
  })
  return {
    clock,
    told,
    exits,
    ended,
    running: running.promise,
    signal: (name: string) => signal(name),
    fatal: (error: unknown) => fatal(error),
  }
}

test('it runs until a signal, stops, and ends with 0', async () => {
  const leaf = processOf()
  assert.deepEqual(await leaf.running, ['pds', 'http://localhost:3334'])
  leaf.signal('SIGTERM')
  assert.equal(await leaf.ended, exitCodes.ok)
  assert.deepEqual(leaf.told, [])
})

test('the two signals that Ctrl-C under npm sends are one', async () => {
  const stop = Promise.withResolvers<readonly string[]>()
  const leaf = processOf({ stop: () => stop.promise })
  await leaf.running
  leaf.signal('SIGINT')
  leaf.clock.advance(300)
  leaf.signal('SIGINT')
  assert.deepEqual(leaf.exits, [])
  stop.resolve([])
  assert.equal(await leaf.ended, exitCodes.ok)
})

test('a second signal from somebody who lost patience ends it at once', async () => {
  const stop = Promise.withResolvers<readonly string[]>()
  const leaf = processOf({ stop: () => stop.promise })
  await leaf.running
  leaf.signal('SIGINT')
  leaf.clock.advance(1001)
  leaf.signal('SIGINT')
  assert.deepEqual(leaf.exits, [exitCodes.forced])
  stop.resolve([])
  await leaf.ended
})

test('parts that did not stop cleanly are named, and the code says so', async () => {
  const leaf = processOf({ stop: async () => ['database'] })
  await leaf.running
  leaf.signal('SIGTERM')
  assert.equal(await leaf.ended, exitCodes.failed)
  assert.deepEqual(leaf.told, ['did not stop cleanly: database.'])
})

test('corruption stops the process with a code of its own', async () => {
  const leaf = processOf()
  await leaf.running
  leaf.fatal(new Corruption('the root of did:plc:x is gone'))
  assert.equal(await leaf.ended, exitCodes.fault)
  assert.match(leaf.told.join(), /the root of did:plc:x is gone/)
})

test('expected reasons not to start are sentences, others have a stack', async () => {
  const taken = processOf({}, new StartFault('port 3334 is taken by nginx (process 7)'))
  assert.equal(await taken.ended, exitCodes.failed)
  assert.deepEqual(taken.told, ['Port 3334 is taken by nginx (process 7)'])
  const misconfigured = processOf(
    {},
    new ConfigError([
      { name: 'A', sentence: 'is missing.' },
      { name: 'B', sentence: 'is wrong.' },
    ]),
  )
  assert.equal(await misconfigured.ended, exitCodes.usage)
  assert.deepEqual(misconfigured.told, [
    'Leaf does not start with this configuration:',
    '  A is missing.',
    '  B is wrong.',
    '`leaf init` writes a configuration with fresh secrets; `leaf doctor` says what is wrong with one.',
  ])
  const broken = processOf({}, new TypeError('x is undefined'))
  assert.equal(await broken.ended, exitCodes.fault)
  assert.match(broken.told.join(), /TypeError: x is undefined\n\s+at /)
})

test('a house that fails while it starts tells why', async () => {
  const leaf = processOf({ start: () => Promise.reject(new StartFault('no')) })
  assert.equal(await leaf.ended, exitCodes.failed)
  assert.deepEqual(leaf.told, ['No'])
})
