import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { verifyProofs } from '@atproto/repo'
import { parseCar } from '@leaf/atproto/car-read'
import { cidToString } from '@leaf/atproto/cid'
import { createNodeCache } from '@leaf/atproto/node-source'
import type { Did } from '../../../../kernel/identity/types.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import { createRepoExports } from '../../../sync/export.ts'
import { alice, bob } from '../../../sync/test-house.ts'
import { openRepoHouse, type RepoHouse } from '../../../sync/test-repos.ts'
import { sha256 } from '../../../validation/sha256.ts'
import type { XrpcMethod, XrpcReply } from '../../method.ts'
import { createSyncMethods } from './methods.ts'

const nobody = { kind: 'none' } as Credentials

describe('com.atproto.sync', () => {
  let house: RepoHouse
  let methods: ReturnType<typeof createSyncMethods>
  let aliceId = 0
  const cids: string[] = []
  before(async () => {
    house = await openRepoHouse()
    aliceId = await house.addAccount(alice)
    await house.addAccount(bob)
    for (let index = 0; index < 40; index += 1) {
      const { results } = await house.post(alice, `r${index}`)
      cids.push(results[0]!.cid!)
    }
    const { database, blobs } = house
    const exports = createRepoExports({ database })
    methods = createSyncMethods({ database, exports, blobs, nodeCache: createNodeCache({ bytesMax: 1e6 }) })
  })
  after(() => house.close())

  const ask = async (name: string, params: object, credentials: Credentials = nobody): Promise<XrpcReply> => {
    const method = methods.find(
      one => one.nsid === `com.atproto.sync.${name}`,
    ) as unknown as XrpcMethod<object>
    return method.handle({ params, credentials } as Parameters<typeof method.handle>[0])
  }
  const json = async (...call: Parameters<typeof ask>) => {
    const reply = await ask(...call)
    return (reply !== undefined && 'json' in reply ? reply.json : undefined) as Record<string, any>
  }
  const bytes = async (...call: Parameters<typeof ask>) => {
    const reply = await ask(...call)
    return reply !== undefined && 'bytes' in reply ? reply.bytes : new Uint8Array()
  }
  const refused = (name: string) => ({ wireName: name })

  it('getRecord proves what is there, and that something is not', async () => {
    const path = { collection: 'com.example.note' }
    const there = await bytes('getRecord', { did: alice, ...path, rkey: 'r7' })
    const missing = await bytes('getRecord', { did: alice, ...path, rkey: 'nothing' })
    const claim = (rkey: string, cid: string | null) => [{ ...path, rkey, cid: cid as never }]
    const { parseCid } = await import('@atproto/lex-data')
    const proven = await verifyProofs(
      there,
      claim('r7', parseCid(cids[7]!) as never),
      alice,
      house.key.didKey,
    )
    assert.equal(proven.verified.length, 1)
    const absent = await verifyProofs(missing, claim('nothing', null), alice, house.key.didKey)
    assert.equal(absent.verified.length, 1)
    assert.ok(parseCar(missing, { sha256 }).blocks.length < 8)
  })

  it('getBlocks gives blocks in a CAR without roots, the commit among them', async () => {
    const { cid } = await json('getLatestCommit', { did: alice })
    const wanted = [cid, cids[3]!]
    const { roots, blocks } = parseCar(await bytes('getBlocks', { did: alice, cids: wanted }), { sha256 })
    assert.deepEqual([roots.length, blocks.map(block => cidToString(block.cid))], [0, wanted])
    await assert.rejects(ask('getBlocks', { did: bob, cids: [cids[3]] }), refused('BlockNotFound'))
    const many = Array.from({ length: 501 }, () => cids[0])
    await assert.rejects(ask('getBlocks', { did: alice, cids: many }), refused('InvalidRequest'))
  })

  it('listRepos goes through all repositories in pages', async () => {
    const first = await json('listRepos', { limit: 1 })
    const second = await json('listRepos', { limit: 1, cursor: first['cursor'] })
    const last = await json('listRepos', { limit: 1, cursor: second['cursor'] })
    assert.deepEqual([first['repos'][0].did, second['repos'][0].did, last['repos']], [alice, bob, []])
    assert.equal(first['repos'][0].active, true)
    await assert.rejects(ask('listRepos', { limit: 1, cursor: 'x' }), refused('InvalidRequest'))
  })

  it('listReposByCollection names who has records of it', async () => {
    const { repos, cursor } = await json('listReposByCollection', {
      collection: 'com.example.note',
      limit: 10,
    })
    assert.deepEqual([repos, cursor], [[{ did: alice }], undefined])
    const page = await json('listReposByCollection', { collection: 'com.example.note', limit: 1 })
    const next = await json('listReposByCollection', {
      collection: 'com.example.note',
      limit: 1,
      cursor: page['cursor'],
    })
    assert.deepEqual(next['repos'], [])
  })

  it('getBlob serves what no browser may run', async () => {
    async function* body() {
      yield Buffer.from('<svg onload="alert(1)"></svg>')
    }
    const upload = { account: aliceId, did: alice, claimedType: 'image/svg+xml', body: body() }
    const blob = await house.blobs.upload(upload)
    await assert.rejects(ask('getBlob', { did: alice, cid: blob.cid }), refused('BlobNotFound'))
    await house.post(alice, 'pic', {
      file: { $type: 'blob', ref: { $link: blob.cid }, mimeType: blob.mimeType, size: blob.size },
    })
    const reply = await ask('getBlob', { did: alice, cid: blob.cid })
    assert.ok(reply !== undefined && 'stream' in reply)
    assert.equal(reply.contentType, 'image/svg+xml')
    assert.deepEqual(reply.headers, {
      'content-length': String(blob.size),
      'x-content-type-options': 'nosniff',
      'content-disposition': `attachment; filename="${blob.cid}"`,
      'content-security-policy': "default-src 'none'; sandbox",
    })
    assert.deepEqual((await json('listBlobs', { did: alice, limit: 10 }))['cids'], [blob.cid])
    await assert.rejects(ask('getBlob', { did: bob, cid: blob.cid }), refused('BlobNotFound'))
  })

  it('repositories that are not active are for their owner alone', async () => {
    const own = (did: Did): Credentials => ({
      kind: 'session',
      did,
      account: 2,
      status: 'active',
      sessionId: 's',
      scope: 'com.atproto.access',
    })
    const statuses = [
      ['deactivated', 'RepoDeactivated'],
      ['suspended', 'RepoSuspended'],
      ['takendown', 'RepoTakendown'],
    ] as const
    for (const [status, name] of statuses) {
      await house.setStatus(2, status)
      for (const method of ['getRepo', 'getLatestCommit', 'getHead', 'getCheckout', 'listBlobs']) {
        await assert.rejects(ask(method, { did: bob, limit: 10 }), refused(name), method)
        await assert.rejects(ask(method, { did: bob, limit: 10 }, own(alice)), refused(name))
        await ask(method, { did: bob, limit: 10 }, own(bob))
      }
      assert.deepEqual(await json('getRepoStatus', { did: bob }), { did: bob, active: false, status })
      const listed = await json('listRepos', { limit: 10 })
      assert.equal(listed['repos'][1].status, status)
    }
    await house.setStatus(2, 'active')
    const { rev } = await json('getLatestCommit', { did: bob })
    assert.deepEqual(await json('getRepoStatus', { did: bob }), { did: bob, active: true, rev })
  })

  it('a repository that nobody has is not found', async () => {
    const did = 'did:plc:nobodynobodynobodynobody'
    for (const method of [
      'getRepo',
      'getLatestCommit',
      'getHead',
      'getRepoStatus',
      'listBlobs',
      'getRecord',
    ]) {
      await assert.rejects(
        ask(method, { did, limit: 10, collection: 'a.b.c', rkey: 'x' }),
        refused('RepoNotFound'),
      )
    }
  })
})
