import assert from 'node:assert/strict'
import { type Account, get, post, send, sendOk } from './http.ts'
import type { Seeded } from './seed.ts'

const collection = 'com.example.crash'
/** Record keys that one writer uses: few, so that updates and deletions are frequent and repos stay small. */
const keysEach = 24
/** Writes of one applyWrites. */
const batchMax = 6

/** One write in so many uploads a blob first, and refers to it. */
const blobOneIn = 8

/** What a writer wanted of one record: its text, or null to delete it. */
interface Wish {
  readonly rkey: string
  readonly text: string | null
  /** Bytes that the record refers to. */
  readonly blob: string | undefined
}

/** Writes to record keys of its own, one request at a time, and remembers what was answered. */
export interface CrashWriter {
  readonly account: Account
  /** Path to CID of every record that an answered write left behind. */
  readonly answered: ReadonlyMap<string, string>
  /** How many writes were answered. */
  answers(): number
  /** Writes until the server goes away. Any other end is a failure. */
  run(): Promise<void>
  /**
   * Compares what it remembers with what is there (path to CID of the whole repo): no answered write may be missing,
   * the write that was under way when the server died must be there wholly or not at all, and every blob that an
   * answered record refers to can be had.
   */
  check(repo: ReadonlyMap<string, string>): Promise<void>
}

export function createCrashWriter(
  server: { readonly url: string },
  account: Account,
  name: string,
  random: Seeded,
): CrashWriter {
  const answered = new Map<string, string>()
  const blobs = new Map<string, { readonly cid: string; readonly bytes: string }>()
  /** Of the write under way, by record key. */
  const uploaded = new Map<string, { readonly cid: string; readonly bytes: string }>()
  let underWay: readonly Wish[] | undefined
  let counter = 0
  let answers = 0
  const pathOf = (rkey: string) => `${collection}/${rkey}`
  const rkeys = Array.from({ length: keysEach }, (_, n) => `${name}-${n}`)

  const wish = (rkey: string): Wish => {
    counter += 1
    const deletes = answered.has(pathOf(rkey)) && random.integer(4) === 0
    if (deletes) return { rkey, text: null, blob: undefined }
    const text = `${name} ${counter} ${'x'.repeat(random.integer(800))}`
    return {
      rkey,
      text,
      blob: random.integer(blobOneIn) === 0 ? `the blob of ${account.did} ${text}` : undefined,
    }
  }
  const wishes = (): Wish[] => {
    const count = random.integer(3) === 0 ? 2 + random.integer(batchMax - 1) : 1
    const chosen = new Set(Array.from({ length: count }, () => random.pick(rkeys)))
    return [...chosen].map(wish)
  }
  const upload = async (blob: string): Promise<{ readonly ref: { readonly $link: string } }> => {
    const headers = { 'content-type': 'text/plain' }
    const call = post('com.atproto.repo.uploadBlob', Buffer.from(blob), { token: account.accessJwt, headers })
    return (await sendOk<{ blob: { ref: { $link: string } } }>(server.url, call)).blob
  }
  /** The record that a wish asks for, its blob uploaded. */
  const recordOf = async ({ rkey, text, blob }: Wish): Promise<object> => {
    if (blob === undefined) return { text }
    const file = await upload(blob)
    uploaded.set(rkey, { cid: file.ref.$link, bytes: blob })
    return { text, file }
  }
  const ask = async (wanted: readonly Wish[]): Promise<(string | undefined)[]> => {
    uploaded.clear()
    const token = account.accessJwt
    const [first] = wanted
    if (wanted.length === 1 && first !== undefined && first.text !== null) {
      const body = { repo: account.did, collection, rkey: first.rkey, record: await recordOf(first) }
      return [
        (await sendOk<{ cid: string }>(server.url, post('com.atproto.repo.putRecord', body, { token }))).cid,
      ]
    }
    const writes: object[] = []
    for (const one of wanted) writes.push(await writeOf(one))
    const { results } = await sendOk<{ results: { cid?: string }[] }>(
      server.url,
      post('com.atproto.repo.applyWrites', { repo: account.did, writes }, { token }),
    )
    return results.map(one => one.cid)
  }
  const writeOf = async (one: Wish): Promise<object> => {
    const action = one.text === null ? 'delete' : answered.has(pathOf(one.rkey)) ? 'update' : 'create'
    const value = one.text === null ? {} : { value: await recordOf(one) }
    return { $type: `com.atproto.repo.applyWrites#${action}`, collection, rkey: one.rkey, ...value }
  }
  const remember = (wanted: readonly Wish[], cids: readonly (string | undefined)[]) => {
    for (const [n, one] of wanted.entries()) {
      const cid = cids[n]
      const blob = uploaded.get(one.rkey)
      if (cid === undefined || blob === undefined) blobs.delete(pathOf(one.rkey))
      else blobs.set(pathOf(one.rkey), blob)
      if (cid === undefined) answered.delete(pathOf(one.rkey))
      else answered.set(pathOf(one.rkey), cid)
    }
  }
  const textOf = async (rkey: string): Promise<string | null> => {
    const answer = await send(
      server.url,
      get('com.atproto.repo.getRecord', { repo: account.did, collection, rkey }),
    )
    return answer.status === 200 ? (answer.json as { value: { text: string } }).value.text : null
  }

  return {
    account,
    answered,
    answers: () => answers,
    run: async () => {
      for (;;) {
        const wanted = wishes()
        underWay = wanted
        try {
          remember(wanted, await ask(wanted))
        } catch (error) {
          // `fetch failed`: nobody is there any more. Everything else is a refusal, and a fault.
          if (error instanceof TypeError) return
          throw error
        }
        answers += 1
        underWay = undefined
      }
    },
    check: async repo => {
      const open = underWay ?? []
      underWay = undefined
      const doubtful = new Set(open.map(one => pathOf(one.rkey)))
      for (const rkey of rkeys) {
        const path = pathOf(rkey)
        if (!doubtful.has(path))
          assert.equal(repo.get(path), answered.get(path), `an answered write to ${path} is missing`)
      }
      const done = await Promise.all(open.map(async one => (await textOf(one.rkey)) === one.text))
      const changed = open.filter(one => repo.get(pathOf(one.rkey)) !== answered.get(pathOf(one.rkey)))
      const whole = done.every(Boolean)
      assert.ok(whole || changed.length === 0, `half of a write is there: ${changed.map(one => one.rkey)}`)
      const cids = open.map(one => repo.get(pathOf(one.rkey)))
      if (whole) remember(open, cids)
      for (const [path, { cid, bytes }] of blobs) {
        const answer = await send(server.url, get('com.atproto.sync.getBlob', { did: account.did, cid }))
        assert.equal(Buffer.from(answer.bytes).toString(), bytes, `the blob of ${path} is missing`)
      }
    },
  }
}
