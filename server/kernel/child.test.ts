import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { boundsChildMemory, type Child, spawnChild } from './child.ts'

function start(t: TestContext, frameBytesMax = 1000) {
  const answers: ((text: string) => void)[] = []
  const ended = Promise.withResolvers<string>()
  const keepsAlive = setInterval(() => undefined, 1000)
  const child: Child = spawnChild({
    program: new URL('./test-child-program.ts', import.meta.url),
    arguments: ['one', 'two'],
    folder: tmpdir(),
    memoryBytesMax: 1.5 * 2 ** 30,
    heapBytesMax: 2 ** 26,
    frameBytesMax,
    onFrame: frame => answers.shift()?.(Buffer.from(frame).toString()),
    onEnd: ended.resolve,
  })
  t.after(() => {
    clearInterval(keepsAlive)
    child.kill()
  })
  const ask = (word: string) =>
    new Promise<string>(resolve => {
      answers.push(resolve)
      child.send(Buffer.from(word))
    })
  return { child, ask, ended: ended.promise }
}

test('a child answers in order, and knows its arguments but not our environment', async t => {
  const { child, ask } = start(t)
  process.env['LEAF_TEST_SECRET'] = 'x'
  child.send(Buffer.from('nothing'))
  const answers = await Promise.all([ask('hello'), ask('arguments'), ask('environment')])
  assert.deepEqual(answers.slice(0, 2), ['hello', 'one two'])
  assert.doesNotMatch(answers[2] ?? '', /LEAF_|PATH|HOME/)
})

test('a child that spins is killed at once', async t => {
  const { child, ask, ended } = start(t)
  await ask('hello')
  child.send(Buffer.from('spin'))
  const begun = performance.now()
  child.kill()
  assert.match(await ended, /SIGKILL|closed its pipe/)
  assert.ok(performance.now() - begun < 1000)
})

test('a child that sends too long a frame is ended', async t => {
  const { child, ended } = start(t, 3)
  child.send(Buffer.from('hello'))
  assert.equal(await ended, 'sent a frame of more than 3 bytes')
})

test('a child cannot take more address space than it may', async t => {
  if (!boundsChildMemory) return t.skip('no bound on this system')
  const { child, ended } = start(t)
  child.send(Buffer.from('memory'))
  assert.match(await ended, /closed its pipe|ended with/)
})

test('a child that yields has a lower priority, and works on', async t => {
  const { child, ask } = start(t)
  assert.equal(await ask('priority'), '0')
  child.yieldToOthers()
  assert.equal(await ask('priority'), '5')
})

test('a child ends with the process that started it, however that ended', async t => {
  if (!existsSync('/proc/self')) return t.skip('no /proc on this system')
  const program = fileURLToPath(new URL('./test-child-parent.ts', import.meta.url))
  const parent = spawn(process.execPath, ['--conditions=leaf-source', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<string>(resolve =>
    parent.stdout.once('data', data => resolve(String(data).trim())),
  )
  parent.kill('SIGKILL')
  const isRunning = () => {
    const path = `/proc/${pid}/stat`
    return existsSync(path) && !/^\d+ \(.*\) [ZX]/.test(readFileSync(path, 'latin1'))
  }
  for (let round = 0; isRunning() && round < 200; round += 1)
    await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(isRunning(), false)
})
