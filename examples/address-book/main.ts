/**
 * `node --conditions=leaf-source examples/address-book/main.ts`: Alice shares her address book with Bob over a server that
 * both sync with, here in one process; Carol, who may read the area but is not of the group, sees names only.
 */
import { randomBytes } from 'node:crypto'
import type { Leaf } from '@leaf/entities/api/leaf'
import { memory, nodePlatform, openLeaf } from '@leaf/entities/node/leaf'
import { createVerifier } from '@leaf/entities/meadowcap/verify'
import { createStore } from '@leaf/entities/store/engine'
import { memoryTransport } from '@leaf/entities/sync/memory-transport'
import { serveSync } from '@leaf/entities/sync/server'
import { bookArea, createBook, openShared } from './address-book.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))
const serverName = 'books.example'

/** What `npm start` serves at `/entities/sync`, in miniature. */
const { ed25519 } = nodePlatform()
const verifier = createVerifier(ed25519)
const store = createStore({ backing: memory(), verifier, random })
const ending = new AbortController()
async function sync(leaf: Leaf, owner: Uint8Array) {
  const { client, server } = memoryTransport()
  void serveSync({
    store,
    transport: server,
    ed25519,
    verifier,
    random,
    serverName,
    serverKey: new Uint8Array(32),
    isPublic: async () => false,
    ingest: () => ({}),
    wants: () => true,
    signal: ending.signal,
  })
  const [as] = leaf.identities.list()
  const space = leaf.space(as === undefined ? {} : { as })
  await leaf.sync(space, client, { serverName, areas: [bookArea(leaf, owner)] }).done
}

async function person() {
  const leaf = await openLeaf({ storage: memory() })
  return { leaf, me: await leaf.identities.create() }
}

const [alice, bob, carol] = [await person(), await person(), await person()]
const owner = alice.me.publicKey
const book = await createBook(alice.leaf, alice.me, random)
await book.put('dora', { name: 'Dora', email: 'dora@example.org' })
const invitation = await book.invite({
  publicKey: bob.me.publicKey,
  encryptionKey: bob.me.encryptionKey.publicKey,
})
for (const capability of invitation) await bob.leaf.addCapability(capability)
await carol.leaf.addCapability(
  await alice.leaf
    .space({ as: alice.me })
    .delegate({ to: carol.me.publicKey, mode: 'read', under: ['contacts'] }),
)

await sync(alice.leaf, owner)
await sync(bob.leaf, owner)
const shared = await openShared(bob.leaf, bob.me, alice.me)
await shared?.put('emil', { name: 'Emil', email: 'emil@example.org' })
await sync(bob.leaf, owner)
await sync(alice.leaf, owner)
await sync(carol.leaf, owner)

const show = (contacts: Awaited<ReturnType<typeof book.all>>) =>
  contacts.map(({ name, email, locked }) => `${name} ${email ?? (locked ? '(locked)' : '')}`).join(', ')
console.log(`Alice: ${show(await book.all())}`)
console.log(`Bob:   ${show((await shared?.all()) ?? [])}`)
const seen = await carol.leaf
  .space()
  .query({ under: [alice.me, 'contacts'] })
  .all()
console.log(
  `Carol: ${seen.length} entities, of which ${seen.filter(view => view.locked.length > 0).length} have something locked`,
)
ending.abort()
await Promise.all([alice, bob, carol].map(({ leaf }) => leaf.close()))
