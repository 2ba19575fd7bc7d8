import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommonMark, Image, Name } from '@leaf/entities/leaf/well-known'
import { defineComponent } from '@leaf/entities/leaf/define'
import { s } from '@leaf/codec/borsh/build'
import { hex, onBothEngines } from '../test-entities.ts'

const Rating = defineComponent('Rating', s.struct({ stars: s.u8(), of: s.u64(), by: s.option(s.string()) }), {
  doc: 'How good something is.',
})

interface ComponentJson {
  readonly schema?: { readonly name?: string; readonly doc?: string; readonly format?: unknown }
  readonly value?: unknown
  readonly data?: string
  readonly locked?: boolean
  readonly algorithm?: { readonly name?: string }
}

const byName = (components: unknown) =>
  new Map((components as ComponentJson[]).map(one => [one.schema?.name ?? 'locked', one]))

onBothEngines('public reads', open => {
  test('an entity is there for nobody until its owner says so, and gone when she takes it back', async () => {
    const house = await open()
    const ana = await house.device()
    await ana.space.at('posts', 'first').edit(draft => draft.set(Name, 'Hello'))
    await ana.space.at('diary').edit(draft => draft.set(Name, 'Mine'))
    await ana.bring()
    const place = `/entities/v1/communal/${hex(ana.me.publicKey)}`
    assert.equal((await house.get(`${place}/posts/first`)).status, 404)

    assert.equal((await ana.publish(['posts'])).status, 200)
    const answer = await house.get(`${place}/posts/first`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    const { path, components } = answer.json()
    assert.equal(path, 'posts/first')
    assert.equal(byName(components).get('Name')?.value, 'Hello')
    assert.match(byName(components).get('Name')?.schema?.doc ?? '', /name of the entity/)
    assert.equal((await house.get(`${place}/diary`)).status, 404)
    assert.equal((await house.get(`${place}`)).status, 404, 'the default entity was not published')

    house.clock.advance(1)
    assert.equal((await ana.publish(['posts'], { isPublic: false })).status, 200)
    assert.equal((await house.get(`${place}/posts/first`)).status, 404)
    assert.equal((await ana.publish(['posts'], { at: house.clock.now() - 1 })).status, 409)
    assert.equal((await house.get(`${place}/posts/first`)).status, 404)
  })

  test('whoever has the same version already is told so in a few bytes', async () => {
    const house = await open()
    const ana = await house.device()
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    await ana.bring()
    await ana.publish([])
    const place = `/entities/v1/communal/${hex(ana.me.publicKey)}/a`
    const etag = (await house.get(place)).headers.get('etag') ?? ''
    const again = await house.get(place, { 'if-none-match': etag })
    assert.deepEqual([again.status, again.bytes.length], [304, 0])
    house.clock.advance(1000)
    await ana.space.at('a').edit(draft => draft.set(Name, 'B'))
    await ana.bring()
    assert.equal((await house.get(place, { 'if-none-match': etag })).status, 200)
  })

  test('components are decoded by schemas that travelled with them; what is encrypted is locked', async () => {
    const house = await open()
    const ana = await house.device()
    await ana.space.at('book', 7).edit(draft => {
      draft.set(Rating, { stars: 5, of: 2n ** 63n, by: undefined })
      draft.set(CommonMark, 'for her', { for: ana.me.encryptionKey })
    })
    await ana.bring()
    await ana.publish(['book'])
    const answer = await house.get(`/entities/v1/communal/${hex(ana.me.publicKey)}/book/~u7`)
    const components = byName(answer.json()['components'])
    assert.deepEqual(components.get('Rating')?.value, { stars: 5, of: '9223372036854775808', by: null })
    assert.equal(components.get('Rating')?.schema?.doc, 'How good something is.')
    assert.equal(components.get('locked')?.locked, true)
    assert.match(components.get('locked')?.algorithm?.name ?? '', /hpke/i)
    assert.ok(!answer.bytes.includes('for her'))
  })

  test('children are listed page by page, down every path that leads to something public', async () => {
    const house = await open()
    const ana = await house.device()
    for (const name of ['a', 'b', 'c']) await ana.space.at('posts', name).edit(draft => draft.set(Name, name))
    await ana.space.at('posts', 'b', 1).edit(draft => draft.set(Name, 'deeper'))
    await ana.space.at('secret', 'x').edit(draft => draft.set(Name, 'x'))
    await ana.bring()
    await ana.publish(['posts'])
    const place = `/entities/v1/communal/${hex(ana.me.publicKey)}`
    assert.deepEqual((await house.get(`${place}?children`)).json()['children'], [
      { path: 'posts', entity: false },
    ])
    const first = (await house.get(`${place}/posts?children&limit=2`)).json()
    assert.deepEqual(first['children'], [
      { path: 'posts/a', entity: true },
      { path: 'posts/b', entity: true },
    ])
    const second = (
      await house.get(`${place}/posts?children&limit=2&cursor=${String(first['cursor'])}`)
    ).json()
    assert.deepEqual(second['children'], [{ path: 'posts/c', entity: true }])
    assert.equal(second['cursor'], undefined)
    const below = (await house.get(`${place}/posts/b?children`)).json()
    assert.deepEqual(below['children'], [{ path: 'posts/b/~u1', entity: true }])
    const listed = (await house.get('/entities/v1/communal')).json()
    assert.deepEqual(listed['subspaces'], [hex(ana.me.publicKey)])
  })

  test('a payload is given when something public names it, and never as a page', async () => {
    const house = await open()
    const ana = await house.device()
    const png = new Uint8Array(Buffer.from('89504e470d0a1a0a0000', 'hex'))
    const page = new TextEncoder().encode('<script>alert(1)</script>')
    const [shown, hidden] = await ana.space
      .at('p')
      .edit(draft => {
        for (const bytes of [png, page])
          draft.add(Image, { mime: 'text/html', size: undefined, alt: '', data: draft.blob(bytes) })
      })
      .then(async () => {
        const images = await ana.space.at('p').all(Image)
        const blobs = await Promise.all(images.map(one => ana.space.at('p').blob(one.data)))
        const digestOf = (wanted: Uint8Array) =>
          hex(
            images[blobs.findIndex(one => one !== undefined && Buffer.compare(one, wanted) === 0)]?.data ??
              png,
          )
        return [digestOf(png), digestOf(page)]
      })
    await ana.bring()
    assert.equal((await house.get(`/entities/payload/${shown}`)).status, 404)
    await ana.publish(['p'])
    const image = await house.get(`/entities/payload/${shown}`)
    assert.deepEqual([image.status, image.headers.get('content-type')], [200, 'image/png'])
    assert.deepEqual(new Uint8Array(image.bytes), png)
    const script = await house.get(`/entities/payload/${hidden}`)
    assert.equal(script.headers.get('content-type'), 'application/octet-stream')
    assert.match(script.headers.get('content-disposition') ?? '', /^attachment/)
    assert.match(script.headers.get('content-security-policy') ?? '', /sandbox/)
    assert.equal(script.headers.get('x-content-type-options'), 'nosniff')
  })

  test('a member sees all of her own subspace, and no more of others', async () => {
    const house = await open()
    const [ana, ben] = [await house.device(), await house.device()]
    for (const who of [ana, ben]) {
      await who.space.at('diary').edit(draft => draft.set(Name, 'Mine'))
      await who.bring()
    }
    house.accounts.add('did:plc:ana')
    await ana.link('did:plc:ana')
    const headers = { authorization: 'did:plc:ana' }
    assert.equal((await house.get('/entities/v1/communal/did:plc:ana/diary', headers)).status, 200)
    assert.equal((await house.get('/entities/v1/communal/did:plc:ana/diary')).status, 404)
    assert.equal(
      (await house.get(`/entities/v1/communal/${hex(ben.me.publicKey)}/diary`, headers)).status,
      404,
    )
  })

  test('only the owner’s own word makes something public, and only for this server', async () => {
    const house = await open()
    const [ana, eve] = [await house.device(), await house.device()]
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    await ana.bring()
    const cap = await ana.space.delegate({ to: eve.me.publicKey, mode: 'read' })
    await eve.leaf.addCapability(cap)
    const other = await house.device()
    const post = (body: unknown) =>
      fetch(`${house.url}/entities/public`, { method: 'POST', body: JSON.stringify(body) })
    assert.equal((await post({})).status, 400)
    assert.equal((await post({ capability: 'AAAA', signature: '', public: true, at: 1 })).status, 400)
    assert.equal((await ana.publish(['a'], { at: house.clock.now() - 3_600_000 })).status, 400)
    assert.equal((await ana.publish(['a'], { at: house.clock.now() + 3_600_000 })).status, 400)
    // Eve may read, and passes that on to the server: it is not hers to publish.
    const { encodeCapability } = await import('@leaf/entities/meadowcap/capability')
    const { delegate } = await import('@leaf/entities/meadowcap/verify')
    const { grantedArea } = await import('@leaf/entities/meadowcap/capability')
    const { publicMessage } = await import('../store/public-areas.ts')
    const { ed25519 } = await import('../test-entities.ts')
    const { serverKey, serverName } = house.entities
    const passed = await delegate(ed25519, cap, eve.me.keyPair, { area: grantedArea(cap), user: serverKey })
    const at = house.clock.now()
    for (const signer of [eve, other]) {
      const message = publicMessage(serverName, { capability: passed, isPublic: true, statedAt: at })
      const signature = await ed25519.sign(signer.me.keyPair, message)
      const answer = await post({
        capability: Buffer.from(encodeCapability(passed)).toString('base64'),
        signature: Buffer.from(signature).toString('base64'),
        public: true,
        at,
      })
      assert.ok(answer.status === 400 || answer.status === 403, String(answer.status))
    }
    assert.equal((await house.get(`/entities/v1/communal/${hex(ana.me.publicKey)}/a`)).status, 404)
  })

  test('addresses that name nothing are refused in words', async () => {
    const house = await open()
    for (const [path, status] of [
      ['/entities/v1/nonsense/x', 404],
      [`/entities/v1/communal/${'0'.repeat(63)}`, 404],
      [`/entities/v1/communal/${'0'.repeat(64)}/~x`, 400],
      [`/entities/v1/communal/${'0'.repeat(64)}/a//b`, 400],
      [`/entities/v1/communal/${'0'.repeat(64)}/%ff`, 400],
      [`/entities/v1/communal?limit=0`, 400],
      ['/entities/v1/communal/did:plc:nobody', 404],
      ['/entities/payload/abc', 404],
    ] as const) {
      const answer = await house.get(path)
      assert.equal(answer.status, status, path)
      assert.equal(typeof answer.json()['message'], 'string')
    }
  })

  test('too many requests of one address are told when to come back', async () => {
    const house = await open({ readLimit: 3 })
    for (let call = 0; call < 3; call++) assert.equal((await house.get('/entities/server')).status, 200)
    const answer = await house.get('/entities/server')
    assert.equal(answer.status, 429)
    assert.ok(Number(answer.headers.get('retry-after')) > 0)
  })
})
