import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type Capability, decodeCapability, encodeCapability } from '../meadowcap/capability.ts'
import { createVerifier } from '../meadowcap/verify.ts'
import { createNodeEd25519 } from '../node/ed25519.ts'
import { type Area, allTimes, encodeAreaInArea, readAreaInArea } from './area.ts'
import { decodeEntry, encodeEntry } from './entry.ts'
import { decodePath, encodePath, readPathRelative, writePathRelative } from './path.ts'
import { createReader, createWriter } from './wire.ts'

type AreaVector = readonly [string | null, readonly string[], number, number | null]
interface Vectors {
  readonly pathsRelative: readonly (readonly [readonly string[], readonly string[], string])[]
  readonly entries: readonly (readonly [string, string, readonly string[], number, number, string, string])[]
  readonly areas: readonly (readonly [AreaVector, AreaVector, string])[]
  readonly chains: readonly {
    readonly namespace: string
    readonly user: string
    readonly delegations: readonly (readonly [readonly string[], string, string])[]
  }[]
}

const file = new URL('../../../../vectors/willow.json', import.meta.url)
const vectors: Vectors = JSON.parse(await readFile(file, 'utf8'))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

test('paths relative to others have the published encodings, and come back', () => {
  for (const [reference, target, expected] of vectors.pathsRelative) {
    const writer = createWriter()
    writePathRelative(writer, target.map(unhex), reference.map(unhex))
    assert.equal(hex(writer.finish()), expected)
    const path = readPathRelative(createReader(unhex(expected)), reference.map(unhex))
    assert.deepEqual(path.map(hex), target)
  }
})

test('the example of the specification: a path of three words', () => {
  const path = ['blog', 'ideas', 'fun'].map(word => new Uint8Array(Buffer.from(word)))
  assert.equal(
    hex(encodePath(path)),
    `c30c04${hex(Buffer.from('blog'))}05${hex(Buffer.from('ideas'))}${hex(Buffer.from('fun'))}`,
  )
  assert.deepEqual(decodePath(encodePath(path)), path)
  assert.equal(hex(encodePath([])), '00')
  assert.equal(hex(encodePath([new Uint8Array()])), '01')
})

test('entries have the published encodings, and come back', () => {
  for (const [namespace, subspace, path, timestamp, length, digest, expected] of vectors.entries) {
    const entry = {
      namespace: unhex(namespace),
      subspace: unhex(subspace),
      path: path.map(unhex),
      timestamp: BigInt(timestamp),
      payloadLength: BigInt(length),
      digest: unhex(digest),
    }
    assert.equal(hex(encodeEntry(entry)), expected)
    assert.deepEqual(decodeEntry(unhex(expected)), entry)
  }
})

function areaOf([subspace, path, start, end]: AreaVector): Area {
  return {
    subspace: subspace === null ? undefined : unhex(subspace),
    path: path.map(unhex),
    times: { start: BigInt(start), end: end === null ? undefined : BigInt(end) },
  }
}

test('areas within areas have the published encodings, and come back', () => {
  for (const [outer, inner, expected] of vectors.areas) {
    assert.equal(hex(encodeAreaInArea(areaOf(inner), areaOf(outer))), expected)
    assert.deepEqual(readAreaInArea(createReader(unhex(expected)), areaOf(outer)), areaOf(inner))
  }
})

test('the signatures of published delegation chains hold, and each bit of them counts', async () => {
  const verifier = createVerifier(createNodeEd25519())
  let chains = 0
  for (const chain of vectors.chains) {
    // The fixtures draw namespaces without looking at the bit that says communal; only their signatures are of use.
    const namespace = unhex(chain.namespace)
    const communal = ((namespace[31] as number) & 1) === 0
    const capability: Capability = {
      mode: 'write',
      namespace,
      user: unhex(chain.user),
      initialAuthorisation: undefined,
      delegations: chain.delegations.map(([path, user, signature]) => ({
        area: { subspace: unhex(chain.user), path: path.map(unhex), times: allTimes },
        user: unhex(user),
        signature: unhex(signature),
      })),
    }
    const fault = await verifier.capabilityFault(capability)
    assert.equal(fault, communal ? undefined : 'wrong-kind')
    if (!communal) continue
    chains += capability.delegations.length
    assert.deepEqual(decodeCapability(encodeCapability(capability)), capability)
    for (const [index, delegation] of capability.delegations.entries()) {
      const signature = delegation.signature.slice()
      signature[5] = (signature[5] as number) ^ 1
      const delegations = capability.delegations.with(index, { ...delegation, signature })
      assert.equal(await verifier.capabilityFault({ ...capability, delegations }), 'bad-delegation')
    }
  }
  assert.equal(chains, 3)
})
