import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Refusal } from '../../kernel/errors.ts'
import type { XrpcMethod } from './method.ts'
import { alice, bob, openRepoHouse, type RepoHouse } from './test-house.ts'

const ns = 'com.atproto.repo'
const note = 'com.example.note'

/** Streams what it is told to, and says whether its stream was ended. */
const streamed = { ended: false }
const streaming: XrpcMethod = {
  nsid: 'com.atproto.sync.getRepo',
  type: 'query',
  auth: { need: 'nothing' },
  handle: async () => ({ stream: chunks(), contentType: 'application/vnd.ipld.car' }),
}
async function* chunks(): AsyncGenerator<Uint8Array> {
  try {
    for (let n = 0; n < 1000; n += 1) yield new Uint8Array(10_000).fill(n)
  } finally {
    streamed.ended = true
  }
}
/** Answers with the length of the body that it reads itself. */
const uploading: XrpcMethod = {
  nsid: 'com.atproto.repo.uploadBlob',
  type: 'procedure',
  auth: { need: 'session' },
  rawBody: true,
  handle: async ({ body }) => {
    let bytes = 0
    for await (const chunk of body) bytes += (chunk as Buffer).length
    return { json: { bytes } }
  },
}
const failing: XrpcMethod = {
  nsid: 'com.atproto.sync.getBlob',
  type: 'query',
  auth: { need: 'nothing' },
  handle: async () => {
    throw new Refusal('unavailable', 'the disk is full', { retryAfterMs: 1500 })
  },
}

let house: RepoHouse
before(async () => {
  house = await openRepoHouse({ methods: [streaming, uploading, failing] })
  await house.addAccount(alice, 'alice.test')
  await house.addAccount(bob, 'bob.test')
  for (const rkey of ['a', 'b', 'c', 'd', 'e']) {
    await create(rkey)
  }
})
after(() => house.close())

const create = (rkey: string, record: unknown = { text: rkey }) =>
  house.call(`${ns}.createRecord`, { as: alice, json: { repo: alice, collection: note, rkey, record } })
const refused = async (call: Promise<{ status: number; body: { error?: string; message?: string } }>) => {
  const { status, body } = await call
  return [status, body.error]
}
const get = (method: string, params?: Record<string, string>) =>
  house.call(`${ns}.${method}`, params === undefined ? {} : { params })
const postRaw = (body: BodyInit | undefined, headers: Record<string, string>) =>
  house.call(`${ns}.createRecord`, {
    as: alice,
    init: { method: 'POST', headers, ...(body === undefined ? {} : { body }) },
  })
const json = { 'content-type': 'application/json' }

describe('a call', () => {
  test('of an unknown method needs a token before it is told so', async () => {
    assert.deepEqual(await refused(house.call('com.example.unknown')), [401, 'AuthMissing'])
    assert.deepEqual(await refused(house.call('com.example.unknown', { as: alice })), [
      501,
      'MethodNotImplemented',
    ])
    assert.deepEqual(await refused(house.call('not_a_name')), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(house.call('')), [400, 'InvalidRequest'])
  })

  test('with the wrong verb is refused', async () => {
    assert.deepEqual(await refused(house.call(`${ns}.createRecord`, { as: alice })), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(house.call(`${ns}.getRecord`, { as: alice, json: {} })), [
      400,
      'InvalidRequest',
    ])
    const put = house.call(`${ns}.getRecord`, { init: { method: 'PUT' } })
    assert.deepEqual(await refused(put), [400, 'InvalidRequest'])
    // Known to the lexicons, not served here.
    const unserved = house.call('app.bsky.feed.getTimeline', { as: alice, json: {} })
    assert.deepEqual(await refused(unserved), [400, 'InvalidRequest'])
  })

  test('by HEAD gets the headers of a GET and no body', async () => {
    const params = { repo: alice, collection: note, rkey: 'a' }
    const full = await house.call(`${ns}.getRecord`, { params })
    const head = await house
      .call(`${ns}.getRecord`, { params, init: { method: 'HEAD' } })
      .catch(error => error)
    assert.equal(full.status, 200)
    // fetch gives an empty text, which is no JSON: the length is what counts.
    const response = await fetch(`${house.url}/xrpc/${ns}.getRecord?${new URLSearchParams(params)}`, {
      method: 'HEAD',
    })
    assert.equal(response.headers.get('content-length'), full.headers.get('content-length'))
    assert.equal(await response.text(), '')
    assert.ok(head)
  })

  test('from a page of another site is allowed, with what the preflight asked for', async () => {
    const headers = {
      origin: 'https://app.example',
      'access-control-request-headers': 'authorization,atproto-proxy',
    }
    const preflight = await fetch(`${house.url}/xrpc/${ns}.createRecord`, { method: 'OPTIONS', headers })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'authorization,atproto-proxy')
    assert.equal(preflight.headers.get('access-control-max-age'), '86400')
    const refusal = await fetch(`${house.url}/xrpc/${ns}.getRecord`, { headers })
    assert.equal(refusal.headers.get('access-control-allow-origin'), '*')
    assert.match(refusal.headers.get('access-control-expose-headers') ?? '', /DPoP-Nonce.*RateLimit-Limit/)
  })

  test('that is refused for now says when to come back', async () => {
    const answer = await house.call('com.atproto.sync.getBlob', {
      params: { did: alice, cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' },
    })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '2')
    assert.deepEqual(answer.body, {
      error: 'NotEnoughResources',
      message: 'the disk is full',
      requestId: 'request-1',
    })
  })

  test('_health tells the version', async () => {
    assert.deepEqual((await house.call('_health')).body, { version: '0.0.0-test' })
  })
})

describe('parameters', () => {
  const list = (params: Record<string, string>) =>
    get('listRecords', { repo: alice, collection: note, ...params })

  test('are read by their lexicon, with defaults, and unknown ones ignored', async () => {
    assert.equal((await list({ other: 'x' })).body.records.length, 5)
    assert.equal((await list({ limit: '2' })).body.records.length, 2)
    assert.equal((await list({ limit: '', cursor: '' })).body.records.length, 5)
  })

  test('out of their range, of another type or twice are refused', async () => {
    for (const params of [
      { limit: '0' },
      { limit: '101' },
      { limit: 'ten' },
      { limit: '1.5' },
      { reverse: 'maybe' },
    ]) {
      assert.deepEqual(await refused(list(params)), [400, 'InvalidRequest'], JSON.stringify(params))
    }
    const twice = house.call(`${ns}.describeRepo`, { params: { repo: alice } })
    assert.equal((await twice).status, 200)
    const response = await fetch(`${house.url}/xrpc/${ns}.describeRepo?repo=${alice}&repo=${bob}`)
    assert.equal(response.status, 400)
    assert.deepEqual(await refused(get('describeRepo')), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(get('getRecord', { repo: 'not valid', collection: note, rkey: 'a' })), [
      400,
      'InvalidRequest',
    ])
  })

  test('with NUL are refused before the database sees them', async () => {
    assert.deepEqual(await refused(list({ cursor: 'a\0b' })), [400, 'InvalidRequest'])
  })

  test('walk through a collection in both directions', async () => {
    const keysOf = (body: { records: { uri: string }[] }) =>
      body.records.map(one => one.uri.split('/').at(-1))
    const first = await list({ limit: '2' })
    assert.deepEqual(keysOf(first.body), ['e', 'd'])
    assert.deepEqual(keysOf((await list({ limit: '2', cursor: first.body.cursor })).body), ['c', 'b'])
    assert.deepEqual(keysOf((await list({ limit: '2', reverse: 'true' })).body), ['a', 'b'])
    assert.deepEqual(keysOf((await list({ limit: '2', reverse: 'true', cursor: 'b' })).body), ['c', 'd'])
    assert.deepEqual((await list({ cursor: '0' })).body, { records: [] })
  })
})

describe('a body', () => {
  const good = JSON.stringify({ repo: alice, collection: note, record: { text: 'raw' } })

  test('is JSON of its lexicon', async () => {
    assert.equal((await postRaw(good, { 'content-type': 'application/json; charset=utf-8' })).status, 200)
    assert.deepEqual(await refused(postRaw('{"repo":', json)), [400, 'SyntaxError'])
    assert.deepEqual(await refused(postRaw('"text"', json)), [400, 'SyntaxError'])
    assert.deepEqual(await refused(postRaw('[]', json)), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(postRaw('{"repo":12}', json)), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(postRaw('', json)), [400, 'InvalidRequest'])
  })

  test('has the type that the lexicon names, and UTF-8', async () => {
    assert.deepEqual(await refused(postRaw(good, { 'content-type': 'text/plain' })), [400, 'InvalidRequest'])
    assert.deepEqual(await refused(postRaw(undefined, {})), [400, 'InvalidRequest'])
    const latin = { 'content-type': 'application/json; charset=iso-8859-1' }
    assert.deepEqual(await refused(postRaw(good, latin)), [415, 'UnsupportedMediaTypeError'])
  })

  test('may be compressed, and is bounded by what comes out', async () => {
    const gzip = { ...json, 'content-encoding': 'gzip' }
    assert.equal((await postRaw(gzipSync(good), gzip)).status, 200)
    const bomb = gzipSync(JSON.stringify({ text: 'x'.repeat(20_000_000) }))
    assert.deepEqual(await refused(postRaw(bomb, gzip)), [413, 'PayloadTooLargeError'])
    assert.deepEqual(await refused(postRaw(good, gzip)), [400, 'InvalidRequest'])
    const unknown = { ...json, 'content-encoding': 'nothing' }
    assert.deepEqual(await refused(postRaw(good, unknown)), [415, 'UnsupportedMediaTypeError'])
  })

  test('that is too large is refused by its length alone', async () => {
    const large = JSON.stringify({ text: 'x'.repeat(1_000_001) })
    assert.deepEqual(await refused(postRaw(large, json)), [413, 'PayloadTooLargeError'])
  })

  test('that is nested too deeply is refused', async () => {
    const deep = `{"repo":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    assert.deepEqual(await refused(postRaw(deep, json)), [400, 'InvalidRequest'])
  })

  test('is refused where none is expected', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const url = `${house.url}/xrpc/${ns}.describeRepo?repo=${alice}`
      const call = httpRequest(url, { method: 'GET', headers: { 'content-length': 2 } }, response => {
        response.resume()
        resolve(response.statusCode)
      })
      call.on('error', reject)
      call.end('{}')
    })
    assert.equal(status, 400)
  })

  test('that the method reads itself is not looked at', async () => {
    const upload = (body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
      house.call(`${ns}.uploadBlob`, { as: alice, init: { method: 'POST', body, headers } })
    assert.deepEqual((await upload(new Uint8Array(70_000), { 'content-type': 'image/png' })).body, {
      bytes: 70_000,
    })
    const zipped = new Uint8Array(gzipSync(new Uint8Array(5000)))
    const answer = await upload(zipped, { 'content-type': 'image/png', 'content-encoding': 'gzip' })
    assert.deepEqual(answer.body, { bytes: 5000 })
  })
})

describe('a stream', () => {
  test('arrives whole', async () => {
    const response = await fetch(`${house.url}/xrpc/com.atproto.sync.getRepo?did=${alice}`)
    assert.equal((await response.arrayBuffer()).byteLength, 10_000_000)
  })

  test('is ended when its reader goes away', async () => {
    streamed.ended = false
    const response = await fetch(`${house.url}/xrpc/com.atproto.sync.getRepo?did=${alice}`)
    await response.body?.cancel()
    while (!streamed.ended) await new Promise(resolve => setImmediate(resolve))
  })
})

describe('a write', () => {
  test('goes to one’s own repository only', async () => {
    const into = (repo: string) =>
      refused(house.call(`${ns}.createRecord`, { as: alice, json: { repo, collection: note, record: {} } }))
    assert.deepEqual(await into(bob), [401, 'AuthenticationRequired'])
    assert.deepEqual(await into('bob.test'), [401, 'AuthenticationRequired'])
    assert.deepEqual(await into('nobody.test'), [403, 'AccountNotFound'])
  })

  test('comes back by getRecord and listRecords as it was written', async () => {
    const record = {
      text: 'é "quoted" \u2028 \\ 👍',
      link: { $link: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' },
      data: { $bytes: 'aGVsbG8' },
      constructor: { nothing: null, list: [1, -5, true] },
    }
    await create('whole', record)
    const { body } = await get('getRecord', { repo: 'alice.test', collection: note, rkey: 'whole' })
    assert.deepEqual(body.value, { ...record, $type: note })
    const { body: page } = await get('listRecords', {
      repo: alice,
      collection: note,
      limit: '1',
      cursor: 'whole~',
    })
    assert.deepEqual(page.records[0], body)
    assert.equal(
      (await get('getRecord', { repo: alice, collection: note, rkey: 'whole', cid: body.cid })).status,
      200,
    )
  })

  test('of a batch answers one result for each', async () => {
    const of = (action: string, rest: object) => ({
      $type: `${ns}.applyWrites#${action}`,
      collection: note,
      ...rest,
    })
    const { body } = await house.call(`${ns}.applyWrites`, {
      as: alice,
      json: {
        repo: alice,
        writes: [
          of('create', { rkey: 'x', value: { text: 'x' } }),
          of('update', { rkey: 'x', value: { text: 'y' } }),
          of('delete', { rkey: 'x' }),
        ],
      },
    })
    assert.deepEqual(
      body.results.map((one: { $type: string }) => one.$type.split('#')[1]),
      ['createResult', 'updateResult', 'deleteResult'],
    )
  })

  test('of a deactivated account is refused, and its records are not shown', async () => {
    await house.call(`${ns}.createRecord`, {
      as: bob,
      json: { repo: bob, collection: note, rkey: 'a', record: {} },
    })
    await house.setStatus(bob, 'deactivated')
    const write = house.call(`${ns}.createRecord`, {
      as: bob,
      json: { repo: bob, collection: note, record: {} },
    })
    assert.deepEqual(await refused(write), [401, 'AccountDeactivated'])
    assert.deepEqual(await refused(get('getRecord', { repo: bob, collection: note, rkey: 'a' })), [
      400,
      'RecordNotFound',
    ])
    assert.deepEqual(await refused(get('describeRepo', { repo: bob })), [400, 'RepoDeactivated'])
    await house.setStatus(bob, 'active')
  })
})
