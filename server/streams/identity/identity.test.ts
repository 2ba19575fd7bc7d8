import assert from 'node:assert/strict'
import { it } from 'node:test'
import { alice, bob, moduleOf, nobody, onBothEngines, refusal, server, until } from '../stream/test-house.ts'
import { moduleCidOf } from '../module/upload.ts'

const did = (text: string) => text as `did:plc:${string}`

onBothEngines('a stream’s identity', open => {
  it('is a did:plc with one key and the server as its leaf_server', async () => {
    const { engine, plc, create } = await open()
    const { cid } = await engine.uploadModule(alice, moduleOf('a'))
    const made = await engine.create({ caller: alice, moduleCid: cid, clientStamp: '01JAB' })
    assert.match(made.streamDid, /^did:plc:[a-z2-7]{24}$/)
    assert.equal(made.clientStamp, '01JAB')
    const data = await plc.data(did(made.streamDid))
    const [key] = data?.rotationKeys ?? []
    assert.deepEqual(data?.rotationKeys.length, 1)
    assert.match(key ?? '', /^did:key:zQ3s/)
    assert.deepEqual(data?.verificationMethods, { leaf_server: key })
    assert.deepEqual(data?.services, {
      leaf_server: { type: 'LeafServer', endpoint: 'http://localhost:3334' },
    })
    assert.deepEqual(data?.alsoKnownAs, [])
    assert.deepEqual(await engine.info(made.streamDid), { moduleCid: cid, clientStamp: '01JAB' })
    await create('b', bob)
    const listed = await engine.list({ owner: alice.did ?? '', limit: 10 })
    assert.deepEqual(
      listed.map(row => [row.did, row.owners, row.moduleCid, row.head, row.frozen]),
      [[made.streamDid, [alice.did], cid, 0, false]],
    )
    assert.equal((await engine.list({ limit: 10 })).length, 2)
  })

  it('keeps its key sealed', async () => {
    const { create, database } = await open()
    await create()
    const row = await database.read(tx =>
      tx.get<{ sealed: Uint8Array }>('SELECT signing_key_sealed AS sealed FROM streams_stream'),
    )
    assert.equal(row?.sealed.length, 1 + 12 + 32 + 16)
  })

  it('is made for those who may, from a module that is there', async () => {
    const settings = { openCreation: false, allow: [alice.did ?? ''], block: ['did:plc:blocked'] }
    const { engine } = await open({ settings, isMember: async one => one !== 'did:plc:stranger' })
    const { cid } = await engine.uploadModule(alice, moduleOf('a'))
    const create = (caller: typeof alice, moduleCid = cid) =>
      engine.create({ caller, moduleCid, clientStamp: null })
    const text = async (call: Promise<unknown>) => (await refusal(call)).message
    const absent = moduleCidOf(moduleOf('absent'))
    assert.equal(await text(create(nobody)), 'Only authenticated users can create_streams')
    assert.equal(
      await text(create(alice, absent)),
      `Module not found, it must be uploaded before creating a stream with it: ${absent}`,
    )
    assert.match(await text(create({ did: 'did:plc:stranger', unsafe: false })), /Only members/)
    assert.match(await text(create({ did: 'did:plc:blocked', unsafe: false })), /does not take streams/)
    assert.match(
      await text(engine.uploadModule({ did: 'did:plc:stranger', unsafe: false }, moduleOf('b'))),
      /Only members of this server can upload/,
    )
    for (const caller of [alice, bob, server]) await create(caller)
    assert.equal((await engine.counts()).streams, 3)
  })

  it('whose directory answers nothing is finished or undone later', async () => {
    const { engine, weather, clock } = await open()
    await engine.start()
    const { cid } = await engine.uploadModule(alice, moduleOf('a'))
    const create = () => engine.create({ caller: alice, moduleCid: cid, clientStamp: null })
    weather.now = 'down'
    assert.match((await refusal(create())).message, /^PLC directory error: /)
    weather.now = 'answers lost'
    await refusal(create())
    assert.equal((await engine.counts()).streams, 0)
    weather.now = 'fine'
    await until(async () => {
      clock.advance(60_000)
      return (await engine.counts()).streams === 1
    })
    const [stream] = await engine.list({ limit: 10 })
    assert.deepEqual(stream?.owners, [alice.did])
  })
})

onBothEngines('a stream’s handle', open => {
  it('is set, replaced and taken away among the names of its DID', async () => {
    const { engine, create, plc } = await open()
    const stream = await create()
    const names = async () => (await plc.data(did(stream)))?.alsoKnownAs
    await engine.setHandle(alice, stream, 'Garden.Example.com')
    assert.deepEqual(await names(), ['leaf://garden.example.com'])
    assert.equal((await engine.list({ limit: 1 }))[0]?.handle, 'garden.example.com')
    await engine.setHandle(alice, stream, 'other.example.com')
    assert.deepEqual(await names(), ['leaf://other.example.com'])
    await engine.setHandle(alice, stream, null)
    assert.deepEqual(await names(), [])
    assert.equal((await engine.list({ limit: 1 }))[0]?.handle, null)
  })

  it('is its owners’ to set, and a domain name', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const text = async (call: Promise<unknown>) => (await refusal(call)).message
    assert.equal(
      await text(engine.setHandle(nobody, stream, 'a.example.com')),
      'Only the stream creator can update its handle',
    )
    assert.equal(
      await text(engine.setHandle(bob, stream, 'a.example.com')),
      'Only a stream owner can set its handle',
    )
    assert.match(await text(engine.setHandle(alice, stream, 'no handle')), /expected a handle/)
  })

  it('whose answer was lost is finished later', async () => {
    const { engine, create, weather, clock, cutOff, plc } = await open()
    await engine.start()
    const stream = await create()
    const handle = async () => (await engine.list({ limit: 1 }))[0]?.handle
    weather.now = 'down'
    await refusal(engine.setHandle(alice, stream, 'a.example.com'))
    weather.now = 'fine'
    await cutOff(() => engine.setHandle(alice, stream, 'b.example.com'))
    assert.deepEqual((await plc.data(did(stream)))?.alsoKnownAs, ['leaf://b.example.com'])
    assert.equal(await handle(), null)
    assert.equal((await refusal(engine.setHandle(alice, stream, 'c.example.com'))).code, 'conflict')
    await until(async () => {
      clock.advance(60_000)
      return (await handle()) === 'b.example.com'
    })
  })
})

onBothEngines('a stream that is deleted', open => {
  it('leaves nothing but its name, and is not tombstoned', async () => {
    const { engine, create, database, clock, hosts, plc } = await open()
    await engine.start()
    const [stream, other] = [await create('a'), await create('b')]
    for (const one of [stream, other]) {
      const events = Array.from({ length: 700 }, () => new Uint8Array(4))
      await engine.append({ stream: one, caller: alice, events, batchId: 'x' })
      await engine.append({ stream: one, caller: alice, events })
      await engine.appendState({ stream: one, caller: alice, events: [new Uint8Array(1)] })
    }
    await engine.delete(stream)
    assert.ok(hosts.removed.includes(stream))
    const counts = async () =>
      database.read(async tx => {
        const all: number[] = []
        for (const table of ['streams_event', 'streams_state_event', 'streams_batch', 'streams_owner']) {
          all.push((await tx.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n ?? 0)
        }
        return all
      })
    await until(async () => {
      clock.advance(60_000)
      return (await counts())[1] === 1
    })
    assert.deepEqual(await counts(), [1400, 1, 1, 1])
    assert.notEqual(await plc.data(did(stream)), undefined)
    assert.match((await refusal(engine.info(stream))).message, /Stream was deleted/)
  })
})
