import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { createSmtp } from './smtp.ts'

let server: Server
let port: number
let lines: string[]
let refusing: boolean

/** As much of an SMTP server as one letter needs. */
beforeEach(async () => {
  lines = []
  refusing = false
  server = createServer(socket => {
    let data = false
    let rest = ''
    const say = (line: string) => socket.write(`${line}\r\n`)
    say('220 mail.test')
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      const parts = (rest + chunk.toString()).split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        if (data) {
          if (line === '.') {
            data = false
            say('250 taken')
          }
        } else if (line.startsWith('EHLO')) say('250 mail.test')
        else if (line.startsWith('RCPT')) say(refusing ? '550 nobody here' : '250 ok')
        else if (line === 'DATA') {
          data = true
          say('354 go on')
        } else if (line === 'QUIT') socket.end('221 bye\r\n')
        else say('250 ok')
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
afterEach(() => new Promise(resolve => server.close(resolve)))

const smtp = () => createSmtp({ url: `smtp://127.0.0.1:${port}`, from: 'Leaf <leaf@example.com>' })
const letter = { to: 'alice@example.com', subject: 'Hello', text: 'one\n.\ntwo' }

test('a letter goes out by SMTP, as it was written', async () => {
  await smtp().send(letter)
  const said = lines.join('\n')
  assert.match(said, /MAIL FROM:<leaf@example\.com>/)
  assert.match(said, /RCPT TO:<alice@example\.com>/)
  assert.match(said, /Subject: Hello/)
  // SMTP doubles a dot at the start of a line.
  assert.match(said, /\none\n\.\.\ntwo\n/)
})

test('a letter that is not taken is a refusal, and the next one may go', async () => {
  const mail = smtp()
  refusing = true
  await assert.rejects(mail.send(letter), { name: 'Refusal', code: 'upstream' })
  refusing = false
  await mail.send(letter)
})

test('a server that is not there is a refusal that names nobody’s password', async () => {
  const mail = createSmtp({ url: 'smtp://user:secret%20word@127.0.0.1:1', from: 'leaf@example.com' })
  await assert.rejects(mail.send(letter), error => {
    assert.ok(error instanceof Error)
    assert.ok(!`${error.message} ${String(error.cause)}`.includes('secret'))
    return true
  })
})
