import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createHarness, type Harness } from '@leaf/streams/node/harness'
import { splitSql } from '@leaf/streams/split-sql'
import { type CommunityEvent, payloadOf } from './events.ts'
import { generateCommunity } from './generate.ts'
import { community } from './module.ts'

const founder = 'did:web:founder'
const anna = 'did:web:anna'
const ben = 'did:web:ben'

interface House extends Harness {
  say(user: string, event: CommunityEvent, id?: string): number
}

/** A community with one room, and Anna in it. */
function found(t: TestContext): House {
  const harness = createHarness(community.module)
  t.after(() => harness.close())
  let count = 0
  const say = (user: string, event: CommunityEvent, id = `id-${(count += 1)}`) =>
    harness.send(user, payloadOf(id, event))
  say(founder, { type: 'createSpace', name: 'Club', joinRule: 'open' })
  say(founder, { type: 'createRoom', room: 'hall', name: 'Hall' })
  say(anna, { type: 'join' })
  return { ...harness, say }
}

test('it has 17 tables, 45 statements that run for every event, and 14 queries', () => {
  const { module } = community
  assert.equal(splitSql(module.initSql).filter(sql => /create table/.test(sql)).length, 17)
  assert.equal(splitSql(module.authorizer).length + splitSql(module.materializer).length, 45)
  assert.equal(module.queries.length, 14)
})

test('the first event creates the community, and nothing else can', t => {
  const harness = createHarness(community.module)
  t.after(() => harness.close())
  const join = payloadOf('1', { type: 'join' })
  assert.throws(() => harness.send(anna, join), /Exception thrown: a community begins with createSpace/)
  harness.send(founder, payloadOf('1', { type: 'createSpace', name: 'Club' }))
  assert.throws(
    () => harness.send(founder, payloadOf('2', { type: 'createSpace', name: 'Club' })),
    /begins with/,
  )
})

test('who is not a member neither reads nor writes', t => {
  const { say, query } = found(t)
  assert.throws(() => say(ben, { type: 'sendMessage', room: 'hall', body: 'hi' }), {
    message: 'Error while running stream module: SQLite failure: `Unauthorized: only members can do this`',
  })
  for (const user of [ben, null]) {
    assert.throws(() => query(user, community.query('members', {})), /only members can see this/)
  }
  assert.equal(query(null, community.query('space', {}))[0]?.name, 'Club')
})

test('an invite counts its uses and gives its role', t => {
  const { say, query } = found(t)
  say(founder, { type: 'updateSpace', joinRule: 'invite' })
  assert.throws(() => say(ben, { type: 'join' }), /valid invite/)
  say(founder, { type: 'putRole', role: 'helpers', name: 'Helpers' })
  say(founder, { type: 'createInvite', code: 'c', role: 'helpers', usesMax: 1 })
  say(ben, { type: 'join', invite: 'c' })
  assert.throws(() => say('did:web:carl', { type: 'join', invite: 'c' }), /valid invite/)
  assert.equal(query(founder, community.query('invites', {}))[0]?.uses, 1)
  assert.equal(
    query(anna, community.query('members', {})).find(({ did }) => did === ben)?.roles,
    '["helpers"]',
  )
})

test('a room for a role is hidden from all others, in every query and in the log', t => {
  const { say, query } = found(t)
  say(founder, { type: 'putRole', role: 'helpers', name: 'Helpers' })
  say(founder, { type: 'createRoom', room: 'shed', name: 'Shed' })
  say(founder, { type: 'setAccess', room: 'shed', role: 'helpers', access: 'read' })
  const secret = say(founder, { type: 'sendMessage', room: 'shed', body: 'secret' }, 'm')
  const reaction = say(founder, { type: 'react', message: 'm', emoji: '🌱' })
  assert.throws(() => query(anna, community.query('messages', { room: 'shed' })), /cannot see this room/)
  assert.deepEqual(
    query(anna, community.query('rooms', {})).map(({ id }) => id),
    ['hall'],
  )
  const seen = query(anna, community.query('events', {})).map(({ idx }) => idx)
  assert.ok(!seen.includes(secret) && !seen.includes(reaction))
  assert.throws(() => say(anna, { type: 'react', message: 'm', emoji: '🌱' }), /not yours, or is gone/)
  say(founder, { type: 'grantRole', did: anna, role: 'helpers' })
  assert.equal(query(anna, community.query('messages', { room: 'shed' }))[0]?.body, 'secret')
  assert.throws(
    () => say(anna, { type: 'sendMessage', room: 'shed', body: 'x' }),
    /cannot write in this room/,
  )
  say(founder, { type: 'setAccess', room: 'shed', role: 'helpers', access: null })
  say(anna, { type: 'sendMessage', room: 'shed', body: 'x' })
})

test('a banned member is out, with her roles, until she is let in again', t => {
  const { say, query } = found(t)
  say(founder, { type: 'addAdmin', did: anna })
  say(founder, { type: 'ban', did: anna, reason: 'spam' })
  assert.throws(() => say(anna, { type: 'join' }), /you are banned/)
  assert.deepEqual(
    query(founder, community.query('members', {})).map(({ did }) => did),
    [founder],
  )
  assert.equal(query(founder, community.query('bans', {}))[0]?.reason, 'spam')
  say(founder, { type: 'unban', did: anna })
  say(anna, { type: 'join' })
  assert.throws(() => say(anna, { type: 'unban', did: ben }), /only admins/)
})

test('a community keeps at least one admin', t => {
  const { say } = found(t)
  assert.throws(() => say(founder, { type: 'leave' }), /keeps at least one admin/)
  say(founder, { type: 'addAdmin', did: anna })
  say(founder, { type: 'leave' })
  assert.throws(() => say(anna, { type: 'removeAdmin', did: anna }), /keeps at least one admin/)
})

test('messages are edited by their author, and deleted by her or an admin', t => {
  const { say, query } = found(t)
  say(anna, { type: 'sendMessage', room: 'hall', body: 'one' }, 'm')
  assert.throws(() => say(founder, { type: 'editMessage', message: 'm', body: 'two' }), /not yours/)
  say(anna, { type: 'editMessage', message: 'm', body: 'two' })
  assert.deepEqual(
    query(anna, community.query('edits', { room: 'hall', message: 'm' })).map(({ body }) => body),
    ['one'],
  )
  say(founder, { type: 'deleteMessage', message: 'm' })
  const [message] = query(anna, community.query('messages', { room: 'hall' }))
  assert.equal(message?.body, '')
  assert.deepEqual(query(anna, community.query('edits', { room: 'hall', message: 'm' })), [])
  assert.throws(() => say(anna, { type: 'editMessage', message: 'm', body: 'x' }), /is gone/)
  assert.throws(() => say(anna, { type: 'sendMessage', room: 'hall', body: 'x'.repeat(10_001) }), /CHECK/)
})

test('how far somebody has read is hers to say, and only goes forward', t => {
  const { say, sendState, query } = found(t)
  const idx = say(founder, { type: 'sendMessage', room: 'hall', body: 'hi' })
  const readIdx = () => JSON.parse(query(anna, community.query('overview', {}))[0]!.json).rooms[0].readIdx
  sendState(anna, payloadOf('s1', { type: 'markRead', room: 'hall', idx }))
  assert.equal(readIdx(), idx)
  sendState(anna, payloadOf('s2', { type: 'markRead', room: 'hall', idx: 1 }))
  sendState(ben, payloadOf('s3', { type: 'markRead', room: 'hall', idx: 99 }))
  assert.equal(readIdx(), idx)
})

test('a batch is taken whole or not at all', t => {
  const { send, log } = found(t)
  const before = log().length
  const good = payloadOf('a', { type: 'sendMessage', room: 'hall', body: 'hi' })
  assert.throws(() => send(anna, good, payloadOf('b', { type: 'sendMessage', room: 'nowhere', body: 'hi' })))
  assert.equal(log().length, before)
})

test('what those in charge did is written down', t => {
  const { say, query } = found(t)
  say(founder, { type: 'kick', did: anna })
  const [last] = query(founder, community.query('audit', {}, { limit: 1 }))
  assert.deepEqual(
    { ...last, idx: 0 },
    { idx: 0, did: founder, action: 'example.community.kick', target: anna },
  )
})

test('a generated life is taken event by event, and its views come out the same from the log', t => {
  for (const seed of [1, 2, 3]) {
    const harness = createHarness(community.module)
    t.after(() => harness.close())
    for (const { user, payload } of generateCommunity({ seed, events: 600 })) harness.send(user, payload)
    assert.equal(harness.log().length, 600, `seed ${seed}`)
    assert.deepEqual(harness.rebuild(), [], `seed ${seed}`)
  }
  const twice = [1, 1].map(seed => [...generateCommunity({ seed, events: 50 })])
  assert.deepEqual(twice[0], twice[1])
})
