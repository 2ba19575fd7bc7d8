/** Every method of the published client, and every text that the server says no with, in a whole Leaf. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, it } from 'node:test'
import { parseCid } from '@leaf/codec/drisl'
import { LeafClient } from '@muni-town/leaf-client'
import { get, send } from '../support/http.ts'
import type { Leaf } from '../support/leaf.ts'
import { communityModule, plainModule, variantOf } from './modules.ts'
import { createPeople, type Person, serverDidOf, serviceToken, unsafeToken } from './people.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const unknownStream = 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz'
const sqlError = (text: string) => `Error while running stream module: SQLite failure: \`${text}\``

/** Rows without types, to compare. */
const bare = (rows: readonly object[]) =>
  rows.map(row => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, cell?.value])))

/** The scenarios of one Leaf, whose limits are raised. */
export function methodScenarios(leaf: () => Leaf): void {
  const people = createPeople(leaf)
  let ada: Person
  let ben: Person
  let nobody: LeafClient
  let operator: LeafClient
  let moduleCid: string
  let stream: string

  before(async () => {
    ada = await people.person('ada')
    ben = await people.person('ben')
    nobody = await people.connect()
    operator = await people.connect(unsafeToken)
    moduleCid = (await ada.client.uploadBasicModule(plainModule)).moduleCid
    stream = (await ada.client.createStream(moduleCid)).streamDid
  })
  after(() => people.disconnect())

  const refuses = (call: Promise<unknown>, message: string | RegExp) =>
    assert.rejects(call, ({ message: got }: Error) => {
      assert[typeof message === 'string' ? 'equal' : 'match'](got, message as never)
      return true
    })
  const lines = async () => bare(await nobody.query(stream, { name: 'lines', params: {} }))

  it('a module’s CID is the one that the client computes, and it is there after it was uploaded', async t => {
    t.mock.method(console, 'log', () => {})
    assert.equal(moduleCid, await LeafClient.moduleCid(plainModule))
    assert.equal(await nobody.hasModule(moduleCid), true)
    assert.equal(await nobody.hasModule(await LeafClient.moduleCid(variantOf(plainModule, 'absent'))), false)
    assert.deepEqual(await ada.client.uploadBasicModule(plainModule), { moduleCid })
    await refuses(nobody.uploadBasicModule(plainModule), 'Only authenticated users can upload module')
    const silent = { ...plainModule, queries: [{ name: 'nothing', sql: '-- nothing to see', params: [] }] }
    await refuses(ada.client.uploadBasicModule(silent), /query "nothing": expected at least one statement/)
    const large = variantOf(plainModule, 'x'.repeat(10 * 1024 * 1024))
    await refuses(ada.client.uploadBasicModule(large), 'Module larger than 10MB maximum size.')
  })

  it('a stream is a DID of the directory, with the server as its service', async () => {
    assert.match(stream, /^did:plc:[a-z2-7]{24}$/)
    const document = (await (await fetch(`${leaf().plcUrl}/${stream}`)).json()) as {
      readonly alsoKnownAs: readonly string[]
      readonly service: readonly { readonly id: string; readonly serviceEndpoint: string }[]
      readonly verificationMethod: readonly { readonly id: string }[]
    }
    assert.deepEqual(document.alsoKnownAs, [])
    assert.equal(document.service[0]?.serviceEndpoint, leaf().url)
    assert.match(document.verificationMethod[0]?.id ?? '', /#leaf_server$/)
    assert.deepEqual(await nobody.streamInfo(stream), { moduleCid })
    const absent = await LeafClient.moduleCid(variantOf(plainModule, 'absent'))
    await refuses(nobody.createStream(moduleCid), 'Only authenticated users can create_streams')
    await refuses(
      ada.client.createStream(absent),
      `Module not found, it must be uploaded before creating a stream with it: ${absent}`,
    )
  })

  it('a stream that was never made here is refused in every method, and nothing is made', async () => {
    const { client } = ada
    for (const call of [
      () => client.streamInfo(unknownStream),
      () => client.updateModule(unknownStream, moduleCid),
      () => client.sendEvent(unknownStream, bytes('x')),
      () => client.sendStateEvents(unknownStream, [bytes('x')]),
      () => client.clearState(unknownStream),
      () => client.query(unknownStream, { name: 'lines', params: {} }),
      () => client.subscribeEvents(unknownStream, { name: 'lines', params: {} }, () => {}),
      () => client.setHandle(unknownStream, null),
    ])
      await refuses(call(), /^Stream not found/)
    assert.ok(!(await operator.listStreams()).some(({ did }) => did === unknownStream))
    await refuses(client.streamInfo('did:web:example.com'), /expected a did:plc/)
  })

  it('events are numbered from 1, a batch is taken whole or not at all, and the module’s texts arrive', async () => {
    await ada.client.sendEvent(stream, bytes('one'))
    await ben.client.sendEvents(stream, [bytes('two'), bytes('three')])
    await ada.client.sendEvents(stream, [])
    await refuses(nobody.sendEvent(stream, bytes('x')), 'Only authenticated users can send events')
    for (const [payload, text] of [
      ['refuse this', 'Unauthorized: not this 1'],
      ['throw it', 'Exception thrown: no NULL AB'],
    ] as const)
      await refuses(ada.client.sendEvents(stream, [bytes('lost'), bytes(payload)]), sqlError(text))
    await refuses(
      ada.client.sendEvents(stream, [bytes('lost'), bytes('fail')]),
      /^Error while running stream module: SQLite failure: `CHECK constraint failed/,
    )
    assert.deepEqual(await lines(), [
      { idx: 1, user: ada.did, body: 'one' },
      { idx: 2, user: ben.did, body: 'two' },
      { idx: 3, user: ben.did, body: 'three' },
    ])
  })

  it('only the unsafe token sends in the name of others', async () => {
    const text = 'user_override is only allowed for trusted (unsafe_auth_token) connections'
    await refuses(ada.client.sendEvent(stream, bytes('x'), 'did:web:bridge'), text)
    await refuses(ada.client.sendStateEvents(stream, [bytes('x')], 'did:web:bridge'), text)
    await operator.sendEvent(stream, bytes('bridged'), 'did:web:bridge')
    await operator.sendEvent(stream, bytes('own'))
    assert.deepEqual((await lines()).slice(3), [
      { idx: 4, user: 'did:web:bridge', body: 'bridged' },
      { idx: 5, user: await serverDidOf(leaf()), body: 'own' },
    ])
  })

  it('state events change the state and not the log; the owner clears it', async () => {
    const seen = async () => bare(await nobody.query(stream, { name: 'seen', params: {} }))
    const before = await lines()
    await ben.client.sendStateEvents(stream, [bytes('s'), bytes('s')])
    await operator.sendStateEvents(stream, [bytes('s')], 'did:web:bridge')
    assert.deepEqual(
      new Set(await seen()),
      new Set([
        { user: ben.did, times: 2 },
        { user: 'did:web:bridge', times: 1 },
      ]),
    )
    assert.deepEqual(await lines(), before)
    await refuses(
      nobody.sendStateEvents(stream, [bytes('s')]),
      'Only authenticated users can send state events',
    )
    await refuses(nobody.clearState(stream), 'Only authenticated users can clear state')
    await refuses(ben.client.clearState(stream), /^Only a stream owner can/)
    await ada.client.clearState(stream)
    assert.deepEqual(await seen(), [])
  })

  it('queries are asked by name, with parameters of the declared kinds', async () => {
    const text = (value: string) => ({ $type: 'muni.town.sqliteValue.text', value }) as const
    const ask = (name: string, params: object = {}) => ada.client.query(stream, { name, params } as never)
    assert.deepEqual(bare(await ask('by', { user: text(ada.did) })), [{ idx: 1, asked: ada.did }])
    const [{ b: blob, ...kinds } = {}] = await ask('kinds')
    assert.deepEqual(
      Buffer.from((blob as { value?: Uint8Array } | undefined)?.value ?? []).toString('hex'),
      '04',
    )
    assert.deepEqual(kinds, {
      i: { $type: 'muni.town.sqliteValue.integer', value: 1 },
      r: { $type: 'muni.town.sqliteValue.real', value: 2 },
      t: text('three'),
      n: { $type: 'muni.town.sqliteValue.null' },
    })
    assert.deepEqual(await ask('by'), [], 'a parameter that is left out is NULL')
    const inModule = (what: string) => `Error while running stream module: ${what}`
    await refuses(ask('absent'), inModule('Query with name `absent` not in module.'))
    await refuses(
      ask('by', { absent: text('x') }),
      inModule('The `absent` parameter does not exist in the `by` query.'),
    )
    const misfit =
      /^Error while running stream module: The `user` parameter for the `by` query fails validation\. Got value `.*` which needs to match param definition: .*\.$/
    await refuses(ask('by', { user: { $type: 'muni.town.sqliteValue.integer', value: 5 } }), misfit)
    await refuses(ask('by', { user: { $type: 'muni.town.sqliteValue.null' } }), misfit)
    await refuses(
      nobody.query(stream, { name: 'members', params: {} }),
      sqlError('Unauthorized: only those who are signed in'),
    )
    assert.deepEqual(bare(await ask('members')), [{ one: 1 }])
  })

  it('the owner alone changes the module, and what was there is shown by the new one', async () => {
    const variant = variantOf(plainModule, 'second')
    const { moduleCid: second } = await ada.client.uploadBasicModule(variant)
    await refuses(nobody.updateModule(stream, second), 'Only the stream creator can update its module')
    await refuses(ben.client.updateModule(stream, second), 'Only a stream owner can update its module')
    const before = await lines()
    await ada.client.updateModule(stream, second)
    assert.deepEqual(await nobody.streamInfo(stream), { moduleCid: second })
    assert.deepEqual(await lines(), before)
    const broken = { ...plainModule, materializer: `select throw('broken') from event` }
    const { moduleCid: bad } = await ada.client.uploadBasicModule(broken)
    await refuses(ada.client.updateModule(stream, bad), /Exception thrown: broken/)
    assert.deepEqual(await nobody.streamInfo(stream), { moduleCid: second }, 'the old one serves on')
    assert.deepEqual(await lines(), before)
    const absent = await LeafClient.moduleCid(variantOf(plainModule, 'absent'))
    await refuses(ada.client.updateModule(stream, absent), /^Module not found/)
  })

  it('the owner alone sets the handle, in the directory', async () => {
    const names = async () =>
      ((await (await fetch(`${leaf().plcUrl}/${stream}`)).json()) as { alsoKnownAs: string[] }).alsoKnownAs
    await ada.client.setHandle(stream, 'garden.example.com')
    assert.deepEqual(await names(), ['leaf://garden.example.com'])
    await ada.client.setHandle(stream, null)
    assert.deepEqual(await names(), [])
    await refuses(nobody.setHandle(stream, 'x.example.com'), 'Only the stream creator can update its handle')
    await refuses(ben.client.setHandle(stream, 'x.example.com'), 'Only a stream owner can set its handle')
  })

  it('a subscription gives what is there, then what comes, until it is ended', async () => {
    const pages: number[] = []
    let wake = () => {}
    const end = await nobody.subscribeEvents(
      stream,
      { name: 'lines', params: {}, start: 1, limit: 2 },
      page => {
        assert.ok('Ok' in page)
        pages.push(page.Ok.rows.length)
        if (!page.Ok.has_more) wake()
      },
    )
    if (pages.reduce((sum, rows) => sum + rows, 0) < 5) await new Promise<void>(resolve => (wake = resolve))
    assert.deepEqual(pages.slice(0, 3), [2, 2, 1])
    const live = new Promise<void>(resolve => (wake = resolve))
    await ada.client.sendEvent(stream, bytes('live'))
    await live
    assert.equal(
      pages.reduce((sum, rows) => sum + rows, 0),
      6,
    )
    await end()
    await end()
  })

  it('all streams are told to the server itself', async () => {
    assert.ok((await operator.listStreams()).some(({ did }) => did === stream))
    await refuses(nobody.listStreams(), 'Authentication required')
    await refuses(ada.client.listStreams(), 'Only the server admin can list all DIDs')
  })

  it('a token for somebody else, for something else, of nobody or out of date is told and ends the connection', async () => {
    const server = await serverDidOf(leaf())
    const prefix = 'Error validating auth token: '
    const elsewhere = await serviceToken(leaf(), ada, { aud: 'did:web:elsewhere.example' })
    await refuses(
      people.connect(elsewhere),
      `${prefix}Invalid JWT audience while parsing auth token: Expected ${server} but got did:web:elsewhere.example`,
    )
    await refuses(
      people.connect(await serviceToken(leaf(), ada, { lxm: 'com.atproto.repo.uploadBlob' })),
      `${prefix}Invalid lxm in JWT: \`com.atproto.repo.uploadBlob\` expected \`town.muni.leaf.authenticate\``,
    )
    await refuses(people.connect('rubbish'), `${prefix}Invalid format for JWT auth token`)
    const good = await serviceToken(leaf(), ada)
    const [head = '', body = '', signature = ''] = good.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const forged = (changed: object) =>
      [head, Buffer.from(JSON.stringify({ ...claims, ...changed })).toString('base64url'), signature].join(
        '.',
      )
    await refuses(people.connect(forged({ iss: ben.did })), `${prefix}Invalid signature for JWT auth token`)
    await refuses(people.connect(forged({ iss: undefined })), `${prefix}JWT token issuer is missing`)
    await refuses(people.connect(forged({ exp: 1 })), `${prefix}JWT token has expired`)
    await refuses(
      people.connect(forged({ lxm: 5 })),
      `${prefix}Invalid type for lxm claim in JWT token: expected string`,
    )
  })

  it('a token of another method of signing in is none: what the PDS gives for sessions is refused', async () => {
    await refuses(people.connect(ada.accessJwt), /^Error validating auth token: /)
    const answer = await send(leaf().url, get('com.atproto.server.getServiceAuth', { aud: 'did:web:x' }))
    assert.equal(answer.status, 401)
  })

  it('the community’s module is taken as it is', async () => {
    const { moduleCid: cid } = await ada.client.uploadBasicModule(communityModule)
    assert.equal(parseCid(cid).bytes.length, 36)
    assert.equal(cid, await LeafClient.moduleCid(communityModule))
    const { streamDid } = await ada.client.createStream(cid)
    assert.deepEqual(await nobody.streamInfo(streamDid), { moduleCid: cid })
    const digest = createHash('sha256').update(streamDid).digest('hex')
    await refuses(ada.client.sendEvent(streamDid, bytes(digest)), /^Error while running stream module/)
  })
}
