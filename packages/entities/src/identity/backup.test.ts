import assert from 'node:assert/strict'
import { test } from 'node:test'
import { device } from '../api/test-leaf.ts'
import { LeafError } from '../api/errors.ts'
import { Name } from '../leaf/well-known.ts'
import { ed25519 } from '../store/test-entries.ts'
import { readBackup, subspaceOfBackup, writeBackup } from './backup.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const passphrase = 'correct horse'
const failsWith = (code: LeafError['code']) => (error: unknown) =>
  error instanceof LeafError && error.code === code

async function written() {
  const seed = random(32)
  const publicKey = await ed25519.publicKeyOf(seed)
  const identity = { seed, keys: [random(33)], capabilities: [] }
  return {
    identity,
    publicKey,
    file: await writeBackup({ identity, publicKey, passphrase, random, logN: 4 }),
  }
}

test('a backup gives back what was kept, by its passphrase alone', async () => {
  const { identity, publicKey, file } = await written()
  assert.deepEqual(await readBackup(ed25519, file, passphrase), identity)
  assert.deepEqual(subspaceOfBackup(file), publicKey)
  await assert.rejects(readBackup(ed25519, file, 'correct house'), failsWith('WrongPassphrase'))
})

test('one passphrase in two forms of Unicode opens the same file', async () => {
  const { identity, publicKey } = await written()
  const file = await writeBackup({ identity, publicKey, passphrase: 'caf\u00e9 caf\u00e9', random, logN: 4 })
  assert.deepEqual(await readBackup(ed25519, file, 'cafe\u0301 cafe\u0301'), identity)
})

test('a file that was changed anywhere is not opened', async () => {
  const { file } = await written()
  const json = JSON.parse(file) as Record<string, unknown>
  const flip = (text: unknown) => String(text).replace(/^./, digit => (digit === '0' ? '1' : '0'))
  const other = await ed25519.publicKeyOf(random(32))
  for (const changed of [
    { ...json, nonce: flip(json['nonce']) },
    { ...json, sealed: flip(json['sealed']) },
    { ...json, subspace: Buffer.from(other).toString('hex') },
  ])
    await assert.rejects(
      readBackup(ed25519, JSON.stringify(changed), passphrase),
      failsWith('WrongPassphrase'),
    )
  for (const odd of [
    '{',
    '[]',
    JSON.stringify({ ...json, version: 2 }),
    JSON.stringify({ ...json, format: 'skrepka-key' }),
    JSON.stringify({ ...json, kdf: { ...(json['kdf'] as object), logN: 30 } }),
    JSON.stringify({ ...json, nonce: '00' }),
  ])
    await assert.rejects(readBackup(ed25519, odd, passphrase), failsWith('BadFile'))
})

test('a passphrase that is too short is refused', async () => {
  const { identity, publicKey } = await written()
  await assert.rejects(
    writeBackup({ identity, publicKey, passphrase: 'short', random }),
    failsWith('WrongPassphrase'),
  )
})

test('a lost device: the file brings back the subspace, what was shared with it, and its group keys', async t => {
  const [alice, bob, group] = [await device(t), await device(t), { kind: 'secret', key: random(32) } as const]
  await alice.leaf.addKey(group)
  await alice.leaf.addCapability(
    await bob.space.delegate({ to: alice.me.publicKey, mode: 'write', under: ['shared'] }),
  )
  const file = await alice.leaf.identities.backup(alice.me, passphrase)
  const fresh = await device(t)
  const me = await fresh.leaf.identities.restore(file, passphrase)
  assert.deepEqual(me.publicKey, alice.me.publicKey)
  const space = fresh.leaf.space({ as: me })
  await space.at('x').edit(draft => draft.set(Name, 'secret', { for: group }))
  assert.equal(await space.at('x').get(Name), 'secret')
  await space.at(bob.me, 'shared').edit(draft => draft.set(Name, 'by Alice'))
  assert.equal(fresh.leaf.capabilities().length, 1)
})
