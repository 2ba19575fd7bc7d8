import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { test } from 'node:test'
import { StartFault } from '../lifecycle.ts'
import { listeningInodes } from './port-holder.ts'
import { startServer } from './test-server.ts'

test('a taken port is told with the process that has it', {
  skip: existsSync('/proc/net/tcp') ? false : 'no /proc here',
}, async t => {
  const first = await startServer([])
  t.after(first.stop)
  await assert.rejects(startServer([], { port: first.port }), error => {
    assert.ok(error instanceof StartFault)
    assert.match(
      error.message,
      new RegExp(`port ${first.port} is taken by .*node.* \\(process ${process.pid}\\)`),
    )
    return true
  })
})

test('an address that this machine does not have is passed over while another one listens', async t => {
  const server = await startServer([], { hosts: ['203.0.113.77', '127.0.0.1'] })
  t.after(server.stop)
  assert.equal((await fetch(server.url)).status, 404)
  await assert.rejects(
    startServer([], { hosts: ['203.0.113.77'] }),
    /none of the addresses 203\.0\.113\.77 belongs to this machine/,
  )
})

test('only listening sockets of exactly that port hold it', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0D06 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000 100 0 0 10 0
   1: 0100007F:0D06 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0000 100 0 0 10 0
   2: 0100007F:9999 0100007F:0D06 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0000 100 0 0 10 0
`
  assert.deepEqual(listeningInodes(table, 3334), ['111'])
})
