import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger, type LogLevel } from './log.ts'

function logger(format: 'json' | 'lines', level: LogLevel = 'debug') {
  const lines: string[] = []
  return { lines, log: createLogger({ format, level, write: line => void lines.push(line) }) }
}

test('production writes one JSON object a line, with the fields of every child', () => {
  const { lines, log } = logger('json')
  log.child({ room: 'http' }).info({ status: 200 }, 'request')
  const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, { level: 'info', room: 'http', status: 200, msg: 'request' })
})

test('development writes lines for people', () => {
  const { lines, log } = logger('lines')
  log.warn({ name: 'PDS_X', count: 3 }, 'is not read')
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d warn {2}is not read {2}name=PDS_X {2}count=3$/)
})

test('errors are written with their stack and causes', () => {
  for (const format of ['json', 'lines'] as const) {
    const { lines, log } = logger(format)
    log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed')
    assert.match(lines.join(), /outer/)
    assert.match(lines.join(), /inner/)
    assert.match(lines.join(), /log\.test\.ts/)
  }
})

test('secrets are not written, even when somebody logs them by mistake', () => {
  const { lines, log } = logger('json')
  log.info(
    { password: 'hidden', headers: { authorization: 'hidden', cookie: 'hidden', 'set-cookie': 'hidden' } },
    'x',
  )
  log.child({ token: 'hidden' }).info({ session: { accessJwt: 'hidden', refreshJwt: 'hidden' } }, 'y')
  assert.equal(lines.length, 2)
  assert.ok(!lines.join().includes('hidden'), lines.join())
})

test('what is lighter than the level is not written', () => {
  const { lines, log } = logger('json', 'warn')
  log.info({}, 'no')
  log.debug({}, 'no')
  log.error({}, 'yes')
  assert.equal(lines.length, 1)
  const silent = logger('json', 'silent')
  silent.log.error({}, 'no')
  assert.equal(silent.lines.length, 0)
})
