import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { RequestContext } from '../../kernel/http/route.ts'
import { createDidDocumentRoute } from '../../kernel/identity/own-did.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { createWellKnownRoutes } from './well-known.ts'

const alice: Did = 'did:plc:alicealicealicealicealic'
const routes = [
  ...createWellKnownRoutes({
    handles: {
      isOursToResolve: handle => handle === 'leaf.example' || handle.endsWith('.leaf.example'),
    },
    resolution: { localDid: async handle => (handle === 'alice.leaf.example' ? alice : undefined) },
    hostname: 'leaf.example',
  }),
  createDidDocumentRoute({
    name: { did: 'did:web:leaf.example', hostname: 'leaf.example' },
    services: [
      { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://leaf.example' },
    ],
    isPersonsHost: handle => handle.endsWith('.leaf.example'),
  }),
]

const server = createServer((asked, response) => {
  const path = (asked.url ?? '').split('?')[0]
  const route = routes.find(one => one.path === path)
  const context: RequestContext = {
    id: 'test',
    address: '127.0.0.1',
    secure: false,
    host: asked.headers.host ?? '',
    signal: new AbortController().signal,
  }
  void route?.handle(asked, response, context)
})

before(() => new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve)))
after(() => new Promise<unknown>(resolve => void server.close(resolve)))

function get(path: string, host: string): Promise<{ status: number | undefined; body: string }> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host } }, answer => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', text => {
        body += text
      })
      answer.on('end', () => resolve({ status: answer.statusCode, body }))
    })
      .on('error', reject)
      .end()
  })
}

test('a handle’s host names its DID as plain text, whatever port and case it is asked with', async () => {
  assert.deepEqual(await get('/.well-known/atproto-did', 'Alice.leaf.example:8443'), {
    status: 200,
    body: alice,
  })
})

test('a handle that nobody has, and one that is not ours, is not found', async () => {
  for (const host of ['bob.leaf.example', 'alice.example']) {
    assert.deepEqual(await get('/.well-known/atproto-did', host), { status: 404, body: 'User not found' })
  }
})

test('the server’s own host has a did:web document, a handle’s host has none', async () => {
  const own = await get('/.well-known/did.json', 'leaf.example')
  assert.equal(JSON.parse(own.body).id, 'did:web:leaf.example')
  assert.equal((await get('/.well-known/did.json', 'alice.leaf.example')).status, 404)
})

test('a proxy is told to get certificates for this host and for handles that exist, and for nothing else', async () => {
  const statusOf = async (domain: string) => (await get(`/tls-check?domain=${domain}`, '127.0.0.1')).status
  assert.equal(await statusOf('leaf.example'), 200)
  assert.equal(await statusOf('alice.leaf.example'), 200)
  assert.equal(await statusOf('bob.leaf.example'), 404)
  assert.equal(await statusOf('evil.example'), 404)
  assert.equal(await statusOf(''), 404)
})
