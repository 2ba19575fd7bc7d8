import assert from 'node:assert/strict'
import { person, within } from './test-world.ts'
import type { World } from './test-world.ts'

const kim = person('kim')
const lee = person('lee')
const mail = (text: string) => Buffer.from(text)

/** Two relays; b names a as its seed. */
async function pair(world: World) {
  const a = await world.relay('a.example')
  const b = await world.relay('b.example', { seedPeers: ['a.example'] })
  await world.pass(2000, 500)
  return { a, b }
}

within('two relays that know one name find each other, and mail follows a login', async world => {
  const { a, b } = await pair(world)
  await a.login(kim)
  await b.login(kim)
  await world.pass(2000, 500)
  await a.send(kim.key, mail('hello'))
  await world.rest()
  assert.deepEqual(await b.mailboxes.list(kim.key), ['hello'])
  assert.deepEqual(b.mailboxes.woken, [kim.key])
})

within('mail that came before its recipient moved is brought when she is announced', async world => {
  const { a, b } = await pair(world)
  await a.login(kim)
  await a.send(kim.key, mail('one'), mail('two'))
  await world.pass(2000, 500)
  await b.login(kim)
  await world.pass(2000, 500)
  assert.deepEqual(await b.mailboxes.list(kim.key), ['one', 'two'])
  // And it does not come back.
  await world.pass(120_000)
  assert.equal(
    world.calls.filter(call => call.from === 'b.example' && call.path.includes('forward')).length,
    0,
  )
})

within('an outage delays mail and does not lose it', async world => {
  const { a, b } = await pair(world)
  await a.login(lee)
  await b.login(kim)
  await world.pass(2000, 500)
  world.cuts.add('a.example b.example')
  await a.send(kim.key, mail('late'))
  await world.pass(60_000)
  assert.deepEqual(await b.mailboxes.list(kim.key), [])
  world.cuts.clear()
  await world.pass(10 * 60_000, 30_000)
  assert.deepEqual(await b.mailboxes.list(kim.key), ['late'])
})

within(
  'no presence is news, not a failure: that key is forgotten there, the mail stays, others go on',
  async world => {
    const { a, b } = await pair(world)
    await b.login(kim)
    await b.login(lee)
    await world.pass(2000, 500)
    // Nobody tells a: presence is taken away behind the mesh's back.
    await b.database.write(tx =>
      tx.run('DELETE FROM skrepka_presence WHERE server = $1 AND mailbox_key = $2', [
        '',
        Buffer.from(kim.key, 'hex'),
      ]),
    )
    await a.send(kim.key, mail('for kim'))
    await a.send(lee.key, mail('for lee'))
    await world.rest()
    assert.deepEqual(await b.mailboxes.list(lee.key), ['for lee'])
    assert.deepEqual(await b.mailboxes.list(kim.key), [])
    assert.deepEqual(await a.mailboxes.list(kim.key), ['for kim'])
    await b.login(kim)
    await world.pass(2000, 500)
    assert.deepEqual(await b.mailboxes.list(kim.key), ['for kim'])
  },
)
