/** A stand-in of the engine for the tests of this room: what it is asked is kept, what it answers is set by hand. */
import { encodeDrisl, type DrislInput } from '@leaf/codec/drisl'
import { Refusal } from '../../kernel/errors.ts'
import type { Streams, SubscribeRequest } from '../stream/contract.ts'

export interface TestStreams extends Streams {
  /** Calls in their order: the method's name and its arguments. */
  readonly calls: (readonly [string, ...unknown[]])[]
  /** Subscriptions that were registered, also those that ended. */
  readonly subscribed: SubscribeRequest[]
  /** What a query answers. */
  rows: DrislInput
  /** Thrown by every method, when set. */
  failure: Error | undefined
  /** Awaited by every method. */
  hold: Promise<void>
  publicLog: boolean
  readonly log: Uint8Array[]
}

export const streamDid = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const moduleCid = 'bafyreicclpcqaipwgn32zsrjzuwy6yqjavecsipgn5wbkgl4ygvvqrptra'

export function createTestStreams(): TestStreams {
  const called = async <T>(name: string, args: readonly unknown[], value: T): Promise<T> => {
    streams.calls.push([name, ...args])
    await streams.hold
    if (streams.failure !== undefined) throw streams.failure
    return value
  }
  const listeners = new Set<() => void>()
  const streams: TestStreams = {
    calls: [],
    subscribed: [],
    rows: [],
    failure: undefined,
    hold: Promise.resolve(),
    publicLog: true,
    log: [],
    uploadModule: (...args) => called('uploadModule', args, { cid: moduleCid, warnings: [] }),
    hasModule: cid => called('hasModule', [cid], cid === moduleCid),
    create: request => called('create', [request], { streamDid, clientStamp: request.clientStamp }),
    info: did => called('info', [did], { moduleCid, clientStamp: null }),
    updateModule: (...args) => called('updateModule', args, undefined),
    append: async request => {
      await called('append', [request], undefined)
      streams.log.push(...request.events)
      for (const listener of listeners) listener()
      return { firstIdx: streams.log.length - request.events.length + 1, lastIdx: streams.log.length }
    },
    appendState: request => called('appendState', [request], undefined),
    clearState: (...args) => called('clearState', args, undefined),
    query: async (...args) => {
      await called('query', args, undefined)
      const drisl = encodeDrisl(streams.rows)
      return { count: Array.isArray(streams.rows) ? streams.rows.length : 0, drisl }
    },
    subscribe: async request => {
      await called('subscribe', [], undefined)
      streams.subscribed.push(request)
    },
    setHandle: (...args) => called('setHandle', args, undefined),
    list: ({ after }) => called('list', [], after === undefined ? [rowOf(streamDid)] : []),
    mayReadLog: async caller => streams.publicLog || caller.did !== null,
    head: async did => {
      if (did !== streamDid) throw new Refusal('missing', `Stream not found: ${did}`)
      return streams.log.length
    },
    readLog: async (_did, after, itemsMax) =>
      streams.log.slice(after, after + itemsMax).map((payload, at) => ({
        idx: after + at + 1,
        user: 'did:plc:user',
        payload,
        signature: new Uint8Array(64),
        prevHash: new Uint8Array(32),
        headSignature: undefined,
      })),
    waitPast: (_did, after, signal) =>
      new Promise(resolve => {
        const check = () => {
          if (streams.log.length <= after && !signal.aborted) return
          listeners.delete(check)
          resolve(streams.log.length)
        }
        listeners.add(check)
        signal.addEventListener('abort', check)
        check()
      }),
    freeze: async () => undefined,
    delete: async () => undefined,
    setQuota: async () => undefined,
    quotaOf: async () => ({ quota: { streams: 1, bytes: 1 }, used: { streams: 0, bytes: 0 } }),
  }
  return streams
}

function rowOf(did: string) {
  const row = { owners: [], moduleCid: null, handle: null, head: 0, bytes: 0, frozen: false, createdAt: 0 }
  return { did, ...row }
}
