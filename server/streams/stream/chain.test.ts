import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { chainStart } from '@leaf/streams/chain'
import fc from 'fast-check'
import { signingKeyFrom, verifySignature } from '../../kernel/keys.ts'
import { genesisOf } from '../identity/plc.ts'
import { batchBytes, linkHash, signBatch } from './chain.ts'

interface Vectors {
  readonly secretKey: string
  readonly didKey: string
  readonly endpoint: string
  readonly operation: { readonly sig: string }
  readonly did: string
  readonly batches: readonly {
    readonly user: string
    readonly batchBytes: string
    readonly signature: string
    readonly headSignature: string
    readonly events: readonly {
      readonly idx: number
      readonly payload: string
      readonly prevHash: string
      readonly hash: string
    }[]
  }[]
}

interface PackageVectors {
  readonly stream: string
  readonly events: readonly {
    readonly idx: number
    readonly user: string
    readonly payload: string
    readonly prevHash: string
    readonly hash: string
  }[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/server-streams.json', import.meta.url), 'utf8'),
)
const fromHex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const toHex = (data: Uint8Array) => Buffer.from(data).toString('hex')

describe('the vectors of the chain', () => {
  const key = signingKeyFrom(fromHex(vectors.secretKey))

  it('begin with a DID that its first operation makes', () => {
    assert.equal(key.didKey, vectors.didKey)
    const { did, operation } = genesisOf(key, vectors.endpoint)
    // Signatures are deterministic where the native library is; elsewhere only the rest of it is.
    if (operation.sig === vectors.operation.sig) assert.equal(did, vectors.did)
    assert.deepEqual({ ...operation, sig: '' }, { ...vectors.operation, sig: '' })
  })

  it('have the bytes that are signed of a batch, and its signature', () => {
    for (const { user, events, batchBytes: signed, signature } of vectors.batches) {
      const payloads = events.map(event => fromHex(event.payload))
      assert.equal(toHex(batchBytes({ user, payloads })), signed)
      assert.ok(verifySignature(vectors.didKey, batchBytes({ user, payloads }), fromHex(signature)))
      assert.ok(verifySignature(vectors.didKey, fromHex(signed), signBatch(key, { user, payloads })))
    }
  })

  it('link every event to the one before it, and sign the head', () => {
    let prevHash = chainStart
    for (const { user, events, signature, headSignature } of vectors.batches) {
      for (const { idx, payload, prevHash: named, hash } of events) {
        assert.equal(named, toHex(prevHash))
        const event = { idx, user, payload: fromHex(payload), signature: fromHex(signature), prevHash }
        prevHash = linkHash(vectors.did, event)
        assert.equal(toHex(prevHash), hash)
      }
      assert.ok(verifySignature(vectors.didKey, prevHash, fromHex(headSignature)))
    }
  })
})

describe('the server', () => {
  it('hashes events as the vectors of the package say, which were made without it', () => {
    const { stream, events }: PackageVectors = JSON.parse(
      readFileSync(new URL('../../../vectors/streams-chain.json', import.meta.url), 'utf8'),
    )
    assert.ok(events.length > 0)
    for (const { idx, user, payload, prevHash, hash } of events) {
      const event = {
        idx,
        user,
        payload: fromHex(payload),
        signature: new Uint8Array(64),
        prevHash: fromHex(prevHash),
      }
      assert.equal(toHex(linkHash(stream, event)), hash)
    }
  })
})

describe('the bytes that are signed of a batch', () => {
  it('are DRISL with payloads as arrays of integers', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
        (user, payloads) => {
          fc.pre(user.isWellFormed())
          const plain = encodeDrisl(payloads.map(payload => ({ user, payload: [...payload] })))
          assert.deepEqual(batchBytes({ user, payloads }), plain)
        },
      ),
    )
    const long = new Uint8Array(70_000).fill(200)
    assert.deepEqual(
      batchBytes({ user: 'u', payloads: [long] }),
      encodeDrisl([{ user: 'u', payload: [...long] }]),
    )
  })

  it('are not signed where there is no key', () => {
    assert.equal(signBatch(undefined, { user: 'u', payloads: [new Uint8Array(1)] }).length, 0)
  })
})
