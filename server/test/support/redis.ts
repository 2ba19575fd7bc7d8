import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { freePort } from '../../kernel/http/free-port.ts'

/** A Redis of our own, on a port of its own, that keeps nothing. */
export interface TestRedis {
  readonly url: string
  stop(): Promise<void>
}

/** Starts Redis; undefined where there is no `redis-server`: then a test skips, and says so with `noRedis`. */
export async function startRedis(): Promise<TestRedis | undefined> {
  const program = (process.env['PATH'] ?? '')
    .split(':')
    .map(folder => `${folder}/redis-server`)
    .find(existsSync)
  if (program === undefined) return undefined
  const port = await freePort()
  const child = spawn(
    program,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  // Redis has no way to notice that we are gone.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) resolve()
    })
    child.once('exit', code => reject(new Error(`redis-server ended with ${code}`)))
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off('exit', kill)
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** What a test says that skips for want of Redis. */
export const noRedis = 'redis-server is not installed (apt-get install redis-server)'
