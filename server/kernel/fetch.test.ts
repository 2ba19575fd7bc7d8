import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { createOperatorFetch, createSafeFetch } from './fetch.ts'
import { isLoopbackAddress, isPublicAddress } from './public-address.ts'

const seen: IncomingMessage[] = []
const replies: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/ok': (_request, response) => response.end('fine'),
  '/redirect': (_request, response) => response.writeHead(302, { location: '/ok' }).end(),
  '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/inside': (_request, response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end(),
  '/elsewhere': (_request, response) =>
    response.writeHead(307, { location: 'http://other.example/ok' }).end(),
  '/file': (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/long': (_request, response) => response.end('x'.repeat(5000)),
  '/chunks': (_request, response) => {
    for (let at = 0; at < 50; at += 1) response.write('x'.repeat(100))
    response.end()
  },
  '/gzip': (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('?'),
  '/silent': () => undefined,
  '/echo': (request, response) => void request.pipe(response),
}
const server = createServer((request, response) => {
  seen.push(request)
  replies[request.url ?? '']?.(request, response)
})
let base: string
let port: number

before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  base = `http://127.0.0.1:${port}`
})

after(async () => {
  const closed = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await closed
})

const text = (body: Uint8Array) => new TextDecoder().decode(body)
const local = createSafeFetch({ allowLoopback: true })

test('public unicast addresses may be called, all others not', () => {
  const open = [
    '1.1.1.1',
    '93.184.215.14',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '2a01:4f8::1',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ]
  for (const address of open) assert.equal(isPublicAddress(address), true, address)
  const shut = [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '0:0:0:0:0:ffff:169.254.169.254',
    '::127.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'not an address',
    '',
    '1.2.3',
    '01.02.03.04',
  ]
  for (const address of shut) assert.equal(isPublicAddress(address), false, address)
})

test('loopback is recognised in every spelling', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    assert.equal(isLoopbackAddress(address), true, address)
  }
  for (const address of ['128.0.0.1', '::2', '::', '10.0.0.1', '::ffff:10.0.0.1']) {
    assert.equal(isLoopbackAddress(address), false, address)
  }
})

test('in development loopback is reached; in production it is not, in any disguise', async () => {
  const response = await local(`${base}/ok`)
  assert.deepEqual([response.status, text(response.body), response.url], [200, 'fine', `${base}/ok`])
  const strict = createSafeFetch({ allowLoopback: false })
  for (const url of [
    'https://127.0.0.1/',
    'https://localhost/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://0/',
  ]) {
    await assert.rejects(strict(url), { code: 'upstream' }, url)
  }
})

test('in production plain http is refused, and everywhere other schemes and user names are', async () => {
  const strict = createSafeFetch({ allowLoopback: false, resolve: async () => ['1.1.1.1'] })
  await assert.rejects(strict('http://example.com/'), { code: 'upstream', message: /expected an https URL/ })
  await assert.rejects(local('file:///etc/passwd'), { code: 'upstream' })
  await assert.rejects(local('ftp://example.com/'), { code: 'upstream' })
  await assert.rejects(local('nonsense'), { code: 'upstream' })
  await assert.rejects(local(`http://user:password@127.0.0.1:${port}/ok`), { code: 'upstream' })
})

test('the connection goes to the address that was checked, whatever the name resolves to afterwards', async () => {
  let asked = 0
  const rebinding = createSafeFetch({
    allowLoopback: true,
    resolve: async () => {
      asked += 1
      return asked === 1 ? ['127.0.0.1'] : ['10.0.0.1']
    },
  })
  assert.equal((await rebinding(`http://rebind.example:${port}/ok`)).status, 200)
  assert.equal(seen.at(-1)?.headers.host, `rebind.example:${port}`)
  assert.equal(asked, 1)
  await assert.rejects(rebinding(`http://rebind.example:${port}/ok`), {
    message: /not at a public address \(10\.0\.0\.1\)/,
  })
})

test('a name with one forbidden address among good ones is refused', async () => {
  const mixed = createSafeFetch({ allowLoopback: false, resolve: async () => ['1.1.1.1', '192.168.0.1'] })
  await assert.rejects(mixed('https://mixed.example/'), { message: /192\.168\.0\.1/ })
  const none = createSafeFetch({ allowLoopback: false, resolve: async () => [] })
  await assert.rejects(none('https://none.example/'), { code: 'upstream' })
})

test('redirects are followed only as far as asked, and each is checked anew', async () => {
  assert.equal((await local(`${base}/redirect`)).status, 302)
  const followed = await local(`${base}/redirect`, { redirectsMax: 1 })
  assert.deepEqual([followed.status, followed.url], [200, `${base}/ok`])
  assert.equal((await local(`${base}/loop`, { redirectsMax: 3 })).status, 302)
  await assert.rejects(local(`${base}/inside`, { redirectsMax: 1 }), { message: /not at a public address/ })
  await assert.rejects(local(`${base}/file`, { redirectsMax: 1 }), { code: 'upstream' })
})

test('what proves who we are is not carried to another host', async () => {
  const elsewhere = createSafeFetch({ allowLoopback: true, resolve: async () => ['127.0.0.1'] })
  replies['/elsewhere'] = (_request, response) =>
    response.writeHead(307, { location: `http://other.example:${port}/ok` }).end()
  await elsewhere(`http://first.example:${port}/elsewhere`, {
    redirectsMax: 1,
    headers: { authorization: 'Bearer x', 'x-other': 'y' },
  })
  assert.equal(seen.at(-1)?.headers['authorization'], undefined)
  assert.equal(seen.at(-1)?.headers['x-other'], 'y')
})

test('an answer longer than asked for is refused, announced or not', async () => {
  await assert.rejects(local(`${base}/long`, { bytesMax: 4999 }), {
    code: 'upstream',
    message: /at most 4999 bytes/,
  })
  await assert.rejects(local(`${base}/chunks`, { bytesMax: 4999 }), {
    code: 'upstream',
    message: /at most 4999 bytes/,
  })
  assert.equal((await local(`${base}/chunks`, { bytesMax: 5000 })).body.length, 5000)
  await assert.rejects(local(`${base}/gzip`), { message: /unencoded/ })
})

test('who does not answer in time is an upstream timeout, also while the name is being resolved', async () => {
  await assert.rejects(local(`${base}/silent`, { timeoutMs: 30 }), { code: 'upstream-timeout' })
  const stuck = createSafeFetch({ allowLoopback: true, resolve: () => new Promise(() => undefined) })
  await assert.rejects(stuck('https://stuck.example/', { timeoutMs: 30 }), { code: 'upstream-timeout' })
  await assert.rejects(local('http://127.0.0.1:1/'), { code: 'upstream', message: /ECONNREFUSED/ })
  const aborted = AbortSignal.abort()
  await assert.rejects(local(`${base}/ok`, { signal: aborted }), { code: 'upstream' })
})

test('the operator’s fetch reaches any configured address, sends bodies and keeps connections', async () => {
  const operator = createOperatorFetch()
  const echoed = await operator(`${base}/echo`, {
    method: 'POST',
    body: 'hello',
    headers: { 'content-type': 'text/plain' },
  })
  assert.equal(text(echoed.body), 'hello')
  assert.equal(text((await operator(`${base}/ok`)).body), 'fine')
  assert.equal(text((await operator(`${base}/ok`)).body), 'fine')
  server.closeIdleConnections()
  assert.equal(text((await operator(`${base}/ok`)).body), 'fine')
})
