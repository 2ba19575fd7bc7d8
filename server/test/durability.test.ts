/**
 * Leaf is killed (SIGKILL) again and again while people write. After each restart no answered write is missing, every
 * repo verifies with `@atproto/repo`, and the firehose goes on where it stopped, without gap or repeat.
 * `LEAF_CRASH_ROUNDS` says how often (CI: 100); `LEAF_SEED` repeats a run.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { verifyRepoCar } from '@atproto/repo'
import { createCrashWriter } from './support/crash-writer.ts'
import { onEveryEngine } from './support/engines.ts'
import { commitOf, type Frame, seqOf, subscribe } from './support/firehose.ts'
import { type Account, createAccount, get, post, send, sendOk } from './support/http.ts'
import { signingKeyOf } from './support/identity.ts'
import type { Leaf } from './support/leaf.ts'
import { createReplay } from './support/replay.ts'
import { createSeeded } from './support/seed.ts'

const roundsMax = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 10)
const accountsCount = 4
const writersEach = 5
/** How long people write before the kill. */
const loadMsMin = 20
const loadMsMax = 300

onEveryEngine(
  'what was answered survives kill -9',
  (leaf, engine) => {
    const rounds = engine === 'sqlite' ? roundsMax : Math.ceil(roundsMax / 10)

    it(`${rounds} times, under write load`, { timeout: 120_000 + rounds * 15_000 }, async context => {
      const random = createSeeded()
      context.diagnostic(`LEAF_SEED=${random.seed}`)
      const accounts = await Promise.all(
        Array.from({ length: accountsCount }, (_, n) => createAccount(leaf().url, `crash-${n}`)),
      )
      const marker = await createAccount(leaf().url, 'marker')
      const keys = new Map(
        await Promise.all(accounts.map(async one => [one.did, await signingKeyOf(leaf(), one.did)] as const)),
      )
      const writers = accounts.flatMap(account =>
        Array.from({ length: writersEach }, (_, n) => createCrashWriter(leaf(), account, `w${n}`, random)),
      )
      const replay = createReplay()
      const heard: number[] = []

      for (let round = 0; round < rounds; round += 1) {
        const follower = await subscribe(leaf().url, { cursor: replay.cursor() })
        const writing = Promise.all(writers.map(writer => writer.run()))
        await Promise.race([writing, delay(loadMsMin + random.integer(loadMsMax - loadMsMin))])
        await leaf().kill()
        await writing
        await follower.closed
        heard.push(...follower.frames.map(seqOf))
        await replay.take(follower.frames)

        await leaf().start()
        const repos = new Map<string, ReadonlyMap<string, string>>()
        for (const account of accounts)
          repos.set(account.did, await readRepo(leaf(), account, keys.get(account.did)))
        for (const writer of writers) await writer.check(repos.get(writer.account.did) ?? new Map())

        const frames = await readLog(leaf(), marker, replay.cursor())
        heard.push(...frames.map(seqOf))
        await replay.take(frames)
        for (const [did, repo] of repos) assert.deepEqual(new Map(replay.recordsOf(did)), repo)
      }

      const whole = createReplay()
      const frames = await readLog(leaf(), marker, 0)
      await whole.take(frames)
      assert.deepEqual(
        frames.map(seqOf).slice(0, heard.length),
        heard,
        'a replay from the beginning tells what was heard live',
      )
      const answers = writers.reduce((sum, writer) => sum + writer.answers(), 0)
      context.diagnostic(`${rounds} kills, ${answers} answered writes, ${whole.events()} events`)
      assert.ok(answers > rounds, 'there was hardly any load')
    })
  },
  { env: { PDS_ACCESS_TOKEN_MS: String(24 * 3_600_000) } },
)

/** Verifies an account's export with its key; gives path and CID of its records. */
async function readRepo(
  leaf: Leaf,
  account: Account,
  key: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const { bytes, status } = await send(leaf.url, get('com.atproto.sync.getRepo', { did: account.did }))
  assert.equal(status, 200)
  const repo = await verifyRepoCar(bytes, account.did, key)
  const head = await send(leaf.url, get('com.atproto.sync.getLatestCommit', { did: account.did }))
  assert.deepEqual(head.json, { cid: repo.commit.cid.toString(), rev: repo.commit.rev })
  return new Map(repo.creates.map(one => [`${one.collection}/${one.rkey}`, one.cid.toString()]))
}

/** Every event past `cursor` that is in the log now: up to a mark that `marker` writes. */
async function readLog(leaf: Leaf, marker: Account, cursor: number): Promise<readonly Frame[]> {
  const record = { text: `mark ${cursor} ${Math.random()}` }
  const body = { repo: marker.did, collection: 'com.example.mark', rkey: 'mark', record }
  const mark = await sendOk<{ cid: string }>(
    leaf.url,
    post('com.atproto.repo.putRecord', body, { token: marker.accessJwt }),
  )
  const follower = await subscribe(leaf.url, { cursor })
  await follower.find(frame => frame.t === '#commit' && commitOf(frame).ops[0]?.cid === mark.cid)
  await follower.close()
  return follower.frames
}
