/** A repository as a server keeps it, for tests. */
import assert from 'node:assert/strict'
import { encode } from '@atcute/cbor'
import { Secp256k1Keypair } from '@atproto/crypto'
import { carBytes } from './car.ts'
import { blockOf, type Block, cidKey } from './cid.ts'
import { exportTree } from './repo-export.ts'
import { type FormattedCommit, formatCommit, type RepoWrite } from './repo.ts'
import { createTestStore, sha256, type TestStore } from './test-support.ts'

export const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
export const keypair = await Secp256k1Keypair.create()
const sign = (bytes: Uint8Array) => keypair.sign(bytes)

/** A record's block. */
export const record = (value: unknown): Block =>
  blockOf(encode({ $type: 'com.example.record', value }), sha256)

export interface TestRepo {
  readonly store: TestStore
  head: FormattedCommit | null
  /** How often each record's block is used. */
  readonly refs: Map<string, number>
  write(writes: readonly RepoWrite[]): Promise<FormattedCommit>
  car(): Promise<Uint8Array>
}

/** Nodes by presence, records by number of uses. */
export function createTestRepo(): TestRepo {
  const store = createTestStore()
  const refs = new Map<string, number>()
  const repo: TestRepo = {
    store,
    head: null,
    refs,
    write: async writes => {
      const commit = await formatCommit({
        source: store.source,
        did,
        head: repo.head,
        writes,
        sign,
        nowMs: 1_700_000_000_000,
        clockId: 7,
      })
      store.put(commit.newNodes)
      store.put(commit.newRecords)
      store.remove(commit.removedNodes)
      for (const block of commit.newRecords)
        refs.set(cidKey(block.cid), (refs.get(cidKey(block.cid)) ?? 0) + 1)
      for (const cid of commit.removedRecords) {
        const left = (refs.get(cidKey(cid)) ?? 0) - 1
        assert(left >= 0, 'a record is released no more often than it is used')
        refs.set(cidKey(cid), left)
        if (left === 0) store.remove([cid])
      }
      repo.head = commit
      return commit
    },
    car: async () => {
      const head = repo.head
      assert(head !== null)
      const blocks: Block[] = [head.commit]
      for await (const batch of exportTree(head.data, store.load)) blocks.push(...batch)
      return carBytes([head.commit.cid], blocks)
    },
  }
  return repo
}
