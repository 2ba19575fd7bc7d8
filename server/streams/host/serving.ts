/** Streams that are being served: one request of each at a time, at the head that is known. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { BatchResult, StreamView } from './contract.ts'
import { Crashed, Overdue } from './job.ts'
import { rememberedMax, streamWaitingMax } from './limits.ts'
import { createLocks } from './locks.ts'
import { type BatchKind, targetOf } from './protocol.ts'
import type { Quarantine } from './quarantine.ts'
import { refusalOf } from './refusals.ts'
import type { Asked } from './targets.ts'

export interface Serving {
  /** What is asked, at the head that is known: a request may have waited while others moved the stream on. */
  at(view: StreamView): Asked
  /** Batches are in the log now. */
  moveOn(asked: Asked, kind: BatchKind, results: readonly BatchResult[]): void
  /** The stream is gone. */
  forget(did: string): void
  /** Resolves with the release when nothing else is asked of the key. */
  take(key: string): Promise<() => void>
  /** Runs `fn` while nothing else is asked of the key. */
  alone<T>(key: string, fn: () => Promise<T>): Promise<T>
  /** Runs `fn`, throws what callers are told; `what` is what is refused after it was killed twice. */
  guarded<T>(view: StreamView, what: string, fn: () => Promise<T>): Promise<T>
}

/** `makeReady` is awaited before anything is asked. */
export function createServing(quarantine: Quarantine, makeReady: () => Promise<void>): Serving {
  const locks = createLocks(streamWaitingMax)
  const heads = createBoundedMap<string, { readonly head: number; readonly stateHead: number }>(rememberedMax)
  const take = async (key: string) => {
    await makeReady()
    return locks.take(key)
  }
  return {
    at: view => {
      const known = heads.get(view.did)
      const head = Math.max(view.head, known?.head ?? 0)
      const stateHead = Math.max(view.stateHead, known?.stateHead ?? 0)
      heads.set(view.did, { head, stateHead })
      return { ...targetOf({ ...view, head, stateHead }, false), owner: view.owner }
    },
    moveOn: ({ did, head, stateHead }, kind, results) => {
      let last = 0
      for (const result of results) if (result.ok) last = result.lastIdx
      const events = kind === 'event'
      heads.set(did, {
        head: events ? Math.max(head, last) : head,
        stateHead: events ? stateHead : Math.max(stateHead, last),
      })
    },
    forget: did => heads.delete(did),
    take,
    alone: async (key, fn) => {
      const release = await take(key)
      try {
        return await fn()
      } finally {
        release()
      }
    },
    guarded: async ({ did, module }, what, fn) => {
      const name = `${did} ${module.cid} ${what}`
      quarantine.check(name)
      try {
        return await fn()
      } catch (error) {
        if (error instanceof Overdue || error instanceof Crashed) quarantine.killed(name)
        throw refusalOf(error, what)
      }
    },
  }
}
