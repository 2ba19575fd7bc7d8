import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { platformFetch, waitingClock } from './client-capabilities.ts'
import { systemClock } from './clock.ts'

test('a waiting clock calls back, and does not once it is cancelled', async () => {
  const clock = waitingClock(systemClock)
  const called: string[] = []
  const cancel = clock.after(0, () => called.push('cancelled'))
  const end = clock.every(1, () => called.push('every'))
  cancel()
  await new Promise<void>(resolve => clock.after(20, resolve))
  end()
  assert.ok(called.length > 0 && called.every(name => name === 'every'))
  assert.ok(Math.abs(clock.now() - systemClock.now()) < 1000)
})

test('what is asked of an address is answered by it', async t => {
  const server = createServer((_request, response) => response.end('here')).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const answer = await platformFetch(`http://127.0.0.1:${port}/`, { method: 'POST' })
  assert.equal(await answer.text(), 'here')
})
