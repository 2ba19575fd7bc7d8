import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  communalCapability,
  handoverMessage,
  initialAuthorisationMessage,
  withDelegation,
} from '../meadowcap/capability.ts'
import { ed25519, personOf } from '../store/test-entries.ts'
import { subspaceArea } from '../willow/area.ts'
import { encodeEntry } from '../willow/entry.ts'
import { authMessage, signAuth, verifyAuth } from './auth.ts'
import type { Hello } from './frames.ts'

const alice = await personOf('alice')
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const hellos: fc.Arbitrary<Hello> = fc.record({
  challenge: bytes(32),
  serverKey: bytes(32),
  serverName: fc.string({ maxLength: 40 }).map(name => name.replaceAll('\0', '')),
})

test('a signature holds for its server, challenge, nonce and key, and for no others', async () => {
  await fc.assert(
    fc.asyncProperty(hellos, bytes(32), fc.nat(), async (hello, nonce, at) => {
      const auth = await signAuth(ed25519, alice, hello, nonce)
      assert.ok(await verifyAuth(ed25519, hello, auth))
      const flip = (one: Uint8Array) =>
        one.with(at % one.length, (one[at % one.length] as number) ^ (1 << (at % 8)))
      for (const other of [
        { hello: { ...hello, challenge: flip(hello.challenge) }, auth },
        { hello: { ...hello, serverName: `${hello.serverName}x` }, auth },
        { hello, auth: { ...auth, nonce: flip(auth.nonce) } },
        { hello, auth: { ...auth, key: flip(auth.key) } },
        { hello, auth: { ...auth, signature: flip(auth.signature) } },
      ])
        assert.equal(await verifyAuth(ed25519, other.hello, other.auth), false)
    }),
    { numRuns: 60 },
  )
})

test('what is signed in sync is 32 bytes, and nothing else that the key signs is', () => {
  fc.assert(
    fc.property(
      hellos,
      bytes(32),
      bytes(32),
      bytes(64),
      fc.array(fc.uint8Array({ maxLength: 20 })),
      (hello, one, two, signature, path) => {
        assert.equal(authMessage(hello, { nonce: one, key: two }).length, 32)
        const entry = { namespace: one, subspace: two, path, timestamp: 0n, payloadLength: 0n, digest: one }
        const capability = communalCapability('read', one, two)
        const delegated = withDelegation(capability, { area: subspaceArea(two), user: one, signature })
        const others = [
          encodeEntry(entry),
          handoverMessage(capability, subspaceArea(two), one),
          handoverMessage(delegated, { ...subspaceArea(two), path }, two),
          initialAuthorisationMessage('read', one),
        ]
        for (const other of others) assert.ok(other.length > 32)
      },
    ),
  )
})
