/** Nonsense of every kind to every method: never a fault of the server, always an error in ATProto's shape. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import fc from 'fast-check'
import { onEveryEngine } from './support/engines.ts'
import { type Account, type Call, createAccount, get, send, sendOk } from './support/http.ts'

const queries = [
  'com.atproto.server.describeServer',
  'com.atproto.server.getSession',
  'com.atproto.server.getServiceAuth',
  'com.atproto.server.listAppPasswords',
  'com.atproto.server.checkAccountStatus',
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.listRecords',
  'com.atproto.repo.listMissingBlobs',
  'com.atproto.identity.resolveHandle',
  'com.atproto.identity.getRecommendedDidCredentials',
  'com.atproto.sync.getBlob',
  'com.atproto.sync.getBlocks',
  'com.atproto.sync.getCheckout',
  'com.atproto.sync.getHead',
  'com.atproto.sync.getLatestCommit',
  'com.atproto.sync.getRecord',
  'com.atproto.sync.getRepo',
  'com.atproto.sync.getRepoStatus',
  'com.atproto.sync.listBlobs',
  'com.atproto.sync.listRepos',
]
/** Those that nonsense cannot make succeed in a way that ends the account. */
const procedures = [
  'com.atproto.server.createAccount',
  'com.atproto.server.createSession',
  'com.atproto.server.createAppPassword',
  'com.atproto.server.revokeAppPassword',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.createRecord',
  'com.atproto.repo.deleteRecord',
  'com.atproto.repo.importRepo',
  'com.atproto.repo.putRecord',
  'com.atproto.repo.uploadBlob',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.submitPlcOperation',
  'com.atproto.identity.updateHandle',
]
const names = [
  'repo',
  'did',
  'collection',
  'rkey',
  'cid',
  'cids',
  'limit',
  'cursor',
  'since',
  'handle',
  'aud',
  'exp',
  'lxm',
]

/** Text that has broken something somewhere. */
const nastyText = fc.oneof(
  fc.constantFrom(
    '',
    '\u0000',
    '../../../../etc/passwd',
    '%00%ff',
    'did:plc:',
    'did:web:127.0.0.1',
    `did:plc:${'a'.repeat(4000)}`,
    'at://',
    '__proto__',
    'constructor',
    '-1',
    '9007199254740993',
    '1e309',
    'NaN',
    'null',
    '\ud800',
    "' OR 1=1 --",
    'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
    'zzzzzzzzzzzzz',
    '\u202e.test',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const nastyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom({ $link: 'x' }, { $bytes: '*' }, { $type: 'blob' }, { __proto__: { x: 1 } }, [[[[]]]]),
)
const nastyBody = (account: Account) =>
  fc.oneof(
    fc.record({ kind: fc.constant('bytes' as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({
      kind: fc.constant('json' as const),
      value: fc
        .dictionary(
          fc.constantFrom(
            ...names,
            'record',
            'writes',
            'validate',
            'swapRecord',
            'swapCommit',
            'identifier',
            'password',
            'name',
            'operation',
            'token',
            'email',
          ),
          fc.oneof(nastyText, nastyJson),
        )
        .chain(body =>
          fc.constantFrom(body, { ...body, repo: account.did, collection: 'com.example.nasty' }),
        ),
    }),
  )

onEveryEngine('nonsense is refused', leaf => {
  let account: Account

  before(async () => {
    account = await createAccount(leaf().url, 'target')
  })

  const expectCalm = async (call: Call) => {
    const answer = await send(leaf().url, call)
    const text = Buffer.from(answer.bytes).toString()
    assert.ok(
      answer.status < 500,
      `${call.method} ${call.path}: ${answer.status} ${text}\n${String(call.body)}`,
    )
    if (answer.status < 400 || call.method === 'HEAD') return
    const { error, message } = answer.json as { error?: unknown; message?: unknown }
    assert.ok(/^[A-Za-z]+$/.test(String(error)), `${call.path}: ${answer.status} ${text}`)
    assert.equal(typeof message, 'string', text)
  }
  const token = fc.constantFrom('good', 'none', 'garbled')
  const tokenOf = (kind: string) =>
    kind === 'none' ? {} : { authorization: `Bearer ${kind === 'good' ? account.accessJwt : 'a.b.c'}` }

  it('in parameters', async () => {
    const parameters = fc.array(fc.tuple(fc.constantFrom(...names), nastyText), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...queries), parameters, token, async (nsid, given, kind) => {
        // Lone surrogates cannot be written in an address.
        const query = new URLSearchParams(given.map(([name, value]) => [name, value.toWellFormed()]))
        await expectCalm({ method: 'GET', path: `/xrpc/${nsid}?${query}`, headers: tokenOf(kind) })
      }),
      { numRuns: 300 },
    )
  })

  it('in bodies', async () => {
    const type = fc.constantFrom(
      'application/json',
      'application/vnd.ipld.car',
      'text/plain',
      '*/*',
      'nonsense',
      '',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...procedures),
        fc.constant(null).chain(() => nastyBody(account)),
        type,
        token,
        async (nsid, body, contentType, kind) => {
          const json = body.kind === 'json'
          await expectCalm({
            method: 'POST',
            path: `/xrpc/${nsid}`,
            headers: {
              ...tokenOf(kind),
              ...(contentType === '' ? {} : { 'content-type': json ? 'application/json' : contentType }),
            },
            body: json ? JSON.stringify(body.value) : body.bytes,
          })
        },
      ),
      { numRuns: 300 },
    )
  })

  it('in paths', async () => {
    await fc.assert(
      fc.asyncProperty(nastyText, async text => {
        const answer = await send(leaf().url, {
          method: 'GET',
          path: `/xrpc/${encodeURIComponent(text.toWellFormed())}`,
        })
        assert.ok(answer.status < 500, `${text}: ${answer.status}`)
      }),
      { numRuns: 60 },
    )
  })

  it('and afterwards everything is as it was', async () => {
    const { handle } = await sendOk<{ handle: string }>(
      leaf().url,
      get('com.atproto.server.getSession', {}, { token: account.accessJwt }),
    )
    assert.equal(handle, 'target.test')
    assert.equal((await send(leaf().url, { method: 'GET', path: '/readyz' })).status, 200)
  })
})
