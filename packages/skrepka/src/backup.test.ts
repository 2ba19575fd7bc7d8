import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { backupKey, backupLogN, readBackup, writeBackup } from './backup.ts'
import { identityFromSeed } from './identity.ts'

const seed = new Uint8Array(32).fill(4)
const random = (count: number) => new Uint8Array(randomBytes(count))
const write = (passphrase: string) => writeBackup({ seed, passphrase, random, logN: 8 })

test('a key comes back with its passphrase, also when that is typed in another form of Unicode', async () => {
  const text = await write('пароль и ключ é')
  assert.equal(backupKey(text), identityFromSeed(seed).key)
  assert.deepEqual(await readBackup({ text, passphrase: 'пароль и ключ é' }), seed)
})

test('another passphrase does not open it', async () => {
  const text = await write('correct horse')
  await assert.rejects(readBackup({ text, passphrase: 'correct horsf' }), { code: 'wrong-passphrase' })
})

test('a file of which anything was changed does not open as another key', async () => {
  const text = await write('correct horse')
  const other = identityFromSeed(new Uint8Array(32).fill(5)).key
  await assert.rejects(
    readBackup({ text: text.replace(identityFromSeed(seed).key, other), passphrase: 'correct horse' }),
    { code: 'wrong-passphrase' },
  )
  for (const name of ['salt', 'nonce', 'sealed']) {
    const changed = text.replace(
      new RegExp(`("${name}": ")(.)`),
      (_, head, digit) => head + (digit === '0' ? '1' : '0'),
    )
    assert.notEqual(changed, text)
    await assert.rejects(
      readBackup({ text: changed, passphrase: 'correct horse' }),
      { code: 'wrong-passphrase' },
      name,
    )
  }
})

test('what is no backup, is of a later version or asks for too much is refused', async () => {
  const text = await write('correct horse')
  const read = (changed: string) => readBackup({ text: changed, passphrase: 'correct horse' })
  await assert.rejects(read('hello'), { name: 'MalformedError' })
  await assert.rejects(read('{}'), /expected a Skrepka key file/)
  await assert.rejects(read(text.replace('"version": 1', '"version": 2')), /version 1, got 2/)
  await assert.rejects(read(text.replace('"logN": 8', '"logN": 30')), {
    name: 'LimitError',
    limit: 'logNMax',
  })
  await assert.rejects(read(text + ' '.repeat(9000)), { name: 'LimitError' })
})

test('a short passphrase is refused', async () => {
  await assert.rejects(write('1234567'), { name: 'LimitError', limit: 'passphraseLengthMin' })
})

test('a backup as it is written costs 128 MiB to open', async () => {
  const text = await writeBackup({ seed, passphrase: 'correct horse', random })
  assert.equal(JSON.parse(text).kdf.logN, backupLogN)
  assert.deepEqual(await readBackup({ text, passphrase: 'correct horse' }), seed)
})
