import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDraft } from './draft.ts'
import { applyPage, forgetSeen, newContact, type Opened, requestMessagesMax, requestsMax } from './inbox.ts'
import { createMemoryStore } from './memory-store.ts'
import type { Payload } from './payload.ts'
import { collections, type Contact, readContact } from './records.ts'
import { orderedNumber, type Store } from './store.ts'

const ana = 'a'.repeat(64)
const start = 1_767_225_600_000
const text = (id: string): Payload => ({ type: 'text', id, body: `says ${id}`, ts: start })
const profile = (displayName: string, ts: number): Payload => ({
  type: 'profile',
  profile: { displayName, bio: '', photo: undefined },
  ts,
})

/** A store with Ana in it, and a way to give it pages. */
async function box(state: Contact['state'] | 'nobody' = 'contact') {
  const store: Store = createMemoryStore()
  if (state !== 'nobody') {
    await store.write([
      { collection: collections.contacts, key: ana, value: newContact({ key: ana, state, at: start }) },
    ])
  }
  let at = start
  let hashes = 0
  const receive = async (...blobs: readonly (Payload | Opened)[]) => {
    const opened = blobs.map(one =>
      'hash' in one ? one : { hash: `hash ${(hashes += 1)}`, sender: ana, payload: one },
    )
    const draft = createDraft(store)
    const nextAt = () => (at += 1)
    const receipts = await applyPage({
      draft,
      store,
      opened,
      ownKey: 'f'.repeat(64),
      nextAt,
      keyOf: orderedNumber,
    })
    await draft.commit()
    return Object.fromEntries(receipts)
  }
  const contact = async () => readContact(await store.get(collections.contacts, ana))
  const messages = async () => store.list(collections.messages, { limit: 10_000 })
  return { store, receive, contact, messages }
}

test('a profile that is older than the one we have is passed over', async () => {
  const { receive, contact } = await box()
  await receive(profile('New', start + 5))
  await receive(profile('Old', start + 4), profile('Same time', start + 5))
  assert.equal((await contact())?.profile?.displayName, 'New')
})

test('a profile from the far future is passed over, because nothing could replace it', async () => {
  const { receive, contact } = await box()
  await receive(profile('For ever', start + 2 * 24 * 3600_000))
  assert.equal((await contact())?.profile, undefined)
})

test('a copy of a blob is not confirmed twice; the same message sealed anew is', async () => {
  const { receive, messages } = await box()
  const blob: Opened = { hash: 'one', sender: ana, payload: text('1') }
  assert.deepEqual(await receive(blob, blob), { [ana]: ['1'] })
  assert.deepEqual(await receive(blob), {})
  assert.deepEqual(await receive({ ...blob, hash: 'sealed anew' }), { [ana]: ['1'] })
  assert.equal((await messages()).length, 1)
})

test('a receipt counts only from whom the message was for', async () => {
  const { store, receive } = await box()
  await store.write([
    { collection: collections.ids, key: `${ana}/mine/1`, value: 'place' },
    {
      collection: collections.messages,
      key: 'place',
      value: { id: '1', peer: ana, mine: true, body: '', at: 1, state: 'sent' },
    },
  ])
  const state = async () => ((await store.get(collections.messages, 'place')) as { state: string }).state
  await receive({
    hash: 'other',
    sender: 'b'.repeat(64),
    payload: { type: 'delivery.ack', ackIds: ['1'], ts: start },
  })
  assert.equal(await state(), 'sent')
  await receive({ type: 'delivery.ack', ackIds: ['unknown', '1'], ts: start })
  assert.equal(await state(), 'delivered')
})

test('what could not be opened, and what we sealed ourselves, leaves nothing', async () => {
  const { store, receive } = await box('nobody')
  const own: Opened = { hash: 'own', sender: 'f'.repeat(64), payload: text('1') }
  assert.deepEqual(await receive({ hash: 'bad', sender: '', payload: undefined }, own), {})
  assert.deepEqual(await store.list(collections.contacts, { limit: 9 }), [])
})

test('a stranger fills no more than her share, and strangers no more than theirs', async () => {
  const { store, receive, messages } = await box('nobody')
  const many = Array.from({ length: requestMessagesMax + 10 }, (_, at) => text(String(at)))
  assert.deepEqual(await receive(...many), {})
  assert.equal((await messages()).length, requestMessagesMax)
  const strangers = Array.from({ length: requestsMax + 10 }, (_, at): Opened => {
    const sender = at.toString(16).padStart(64, '0')
    return { hash: `stranger ${at}`, sender, payload: text('1') }
  })
  for (const one of strangers) await receive(one)
  assert.equal((await store.list(collections.contacts, { limit: 1000 })).length, requestsMax)
})

test('hashes are forgotten once no relay can have their blobs', async () => {
  const { store, receive } = await box()
  await receive(text('1'))
  const day = 24 * 3600_000
  await forgetSeen(store, start + 40 * day)
  assert.equal((await store.list(collections.seen, { limit: 9 })).length, 1)
  await forgetSeen(store, start + 46 * day)
  assert.equal((await store.list(collections.seen, { limit: 9 })).length, 0)
  assert.equal((await store.list(collections.seenTimes, { limit: 9 })).length, 0)
})
