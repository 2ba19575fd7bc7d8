import assert from 'node:assert/strict'
import { it } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { alice, bob, bytes, moduleOf, nobody, onBothEngines, refusal, until } from '../stream/test-house.ts'
import { silentLogger } from '../../kernel/log.ts'
import { createCollection } from './collection.ts'
import { moduleCidOf } from './upload.ts'

onBothEngines('a module', open => {
  it('is kept under the hash of its bytes, unknown fields included', async () => {
    const { engine } = await open()
    const [plain, more] = [moduleOf('a'), moduleOf('a', { unknown: 'field' })]
    const first = await engine.uploadModule(alice, plain)
    const second = await engine.uploadModule(bob, more)
    assert.notEqual(first.cid, second.cid)
    assert.equal(first.cid, moduleCidOf(plain))
    assert.match(first.cid, /^bafyrei/)
    assert.equal(await engine.hasModule(first.cid), true)
    assert.equal(await engine.hasModule(moduleCidOf(moduleOf('b'))), false)
  })

  it('is checked once, and gives its warnings every time', async () => {
    const { engine, hosts } = await open()
    const module = moduleOf('uses random()')
    const warnings = ['the materializer uses random()']
    assert.deepEqual((await engine.uploadModule(alice, module)).warnings, warnings)
    assert.deepEqual((await engine.uploadModule(bob, module)).warnings, warnings)
    assert.equal(hosts.executed.validated, 1)
  })

  it('is refused when it is none, broken, too large, or of somebody who may not', async () => {
    const limits = {
      moduleBytesMax: 1024 * 1024,
      batchEventsMax: 1,
      batchBytesMax: 1,
      quota: { streams: 1, bytes: 1 },
    }
    const { engine } = await open({ settings: { limits, block: [bob.did ?? ''] } })
    const text = async (call: Promise<unknown>) => (await refusal(call)).message
    assert.equal(
      await text(engine.uploadModule(nobody, moduleOf('a'))),
      'Only authenticated users can upload module',
    )
    assert.equal(
      await text(engine.uploadModule(alice, new Uint8Array(1024 * 1024 + 1))),
      'Module larger than 1MB maximum size.',
    )
    assert.match(await text(engine.uploadModule(alice, encodeDrisl({ a: 1 }))), /a map with a text \$type/)
    assert.match(await text(engine.uploadModule(alice, bytes('x'))), /expected a module in DRISL/)
    assert.match(await text(engine.uploadModule(alice, moduleOf('broken'))), /near "broken"/)
    assert.match(await text(engine.uploadModule(bob, moduleOf('a'))), /does not take streams/)
    assert.equal(await engine.hasModule(moduleCidOf(moduleOf('broken'))), false)
  })

  it('that no stream uses goes after its grace, and one that is used stays', async () => {
    const { engine, create, clock, database } = await open()
    const collect = createCollection({ database, clock, log: silentLogger })
    await create('used')
    const { cid: unused } = await engine.uploadModule(alice, moduleOf('unused'))
    clock.advance(499_000)
    assert.equal(await collect(), 0)
    const { cid: again } = await engine.uploadModule(bob, moduleOf('again'))
    clock.advance(2000)
    assert.equal(await collect(), 1)
    assert.equal(await engine.hasModule(unused), false)
    assert.equal(await engine.hasModule(moduleCidOf(moduleOf('used'))), true)
    assert.equal(await engine.hasModule(again), true)
  })
})

onBothEngines('another module for a stream', open => {
  it('is built beside the old one, which serves until then, while events come', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create('old')
    const send = (text: string) => engine.append({ stream, caller: alice, events: [bytes(text)] })
    await send('1')
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    const building = Promise.withResolvers<void>()
    hosts.hooks.build = () => building.promise
    const update = engine.updateModule(alice, stream, cid)
    await until(async () => (await engine.counts()).builds === 1)
    await send('2')
    assert.equal((await engine.info(stream)).moduleCid, moduleCidOf(moduleOf('old')))
    building.resolve()
    await update
    assert.equal((await engine.info(stream)).moduleCid, cid)
    assert.deepEqual(hosts.adopted, [`${cid} 2`])
    assert.deepEqual(await send('3'), { firstIdx: 3, lastIdx: 3 })
  })

  it('that it has already is none', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create('same')
    await engine.updateModule(alice, stream, moduleCidOf(moduleOf('same')))
    assert.deepEqual(hosts.adopted, [])
  })

  it('that cannot be built leaves the old one, and the next may be tried', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create('old')
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    hosts.hooks.build = () => Promise.reject(new Error('no such table: x'))
    await assert.rejects(engine.updateModule(alice, stream, cid), /no such table/)
    assert.equal((await engine.info(stream)).moduleCid, moduleCidOf(moduleOf('old')))
    assert.deepEqual(hosts.discarded, [`${cid} 2`])
    delete hosts.hooks.build
    await engine.updateModule(alice, stream, cid)
    assert.deepEqual(hosts.adopted, [`${cid} 3`])
  })

  it('is one at a time', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create('old')
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    const { cid: other } = await engine.uploadModule(alice, moduleOf('other'))
    const building = Promise.withResolvers<void>()
    hosts.hooks.build = () => building.promise
    const both = [engine.updateModule(alice, stream, cid), engine.updateModule(alice, stream, cid)]
    await until(async () => (await engine.counts()).builds === 1)
    assert.equal((await refusal(engine.updateModule(alice, stream, other))).code, 'conflict')
    building.resolve()
    await Promise.all(both)
    assert.equal(hosts.adopted.length, 1)
  })

  it('may be given by its owners and the server’s module admins', async () => {
    const { engine, create } = await open({ settings: { moduleAdmins: [bob.did ?? ''] } })
    const stream = await create('old', alice)
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    const stranger = { did: 'did:plc:strangerstrangerstranger', unsafe: false }
    const text = async (call: Promise<unknown>) => (await refusal(call)).message
    assert.equal(
      await text(engine.updateModule(nobody, stream, cid)),
      'Only the stream creator can update its module',
    )
    assert.equal(
      await text(engine.updateModule(stranger, stream, cid)),
      'Only a stream owner can update its module',
    )
    assert.match(
      await text(engine.updateModule(alice, stream, moduleCidOf(moduleOf('x')))),
      /^Module not found/,
    )
    await engine.updateModule(bob, stream, cid)
    assert.equal((await engine.info(stream)).moduleCid, cid)
  })

  it('that was being built when the server stopped is built after it starts', async () => {
    const { engine, create, hosts, again } = await open()
    const stream = await create('old')
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    const building = Promise.withResolvers<void>()
    hosts.hooks.build = () => building.promise
    const update = engine.updateModule(alice, stream, cid)
    const told = refusal(update)
    await until(async () => (await engine.counts()).builds === 1)
    const stopped = engine.stop()
    building.resolve()
    await stopped
    assert.equal((await told).code, 'unavailable')
    assert.deepEqual(hosts.adopted, [])
    const next = again()
    await next.engine.start()
    await until(async () => (await next.engine.info(stream)).moduleCid === cid)
    await until(async () => (await next.engine.counts()).builds === 0)
    assert.deepEqual(next.hosts.adopted, [`${cid} 2`])
  })

  it('whose state was not in place yet when the server ended gets it before anybody asks', async () => {
    const { engine, create, again, database } = await open()
    const stream = await create('old')
    const { cid } = await engine.uploadModule(alice, moduleOf('new'))
    await database.write(async tx => {
      await tx.run(
        'INSERT INTO streams_update (stream, module, generation, switched, started_at) VALUES (1, $1, 2, 1, 0)',
        [cid],
      )
      await tx.run('UPDATE streams_stream SET module = $1, generation = 2', [cid])
    })
    const next = again()
    await next.engine.append({ stream, caller: alice, events: [bytes('a')] })
    assert.deepEqual(next.hosts.adopted, [`${cid} 2`])
    assert.deepEqual(await database.read(tx => tx.all('SELECT stream FROM streams_update')), [])
  })
})
