/** Brings planned mail to peers: a few calls at a time for each, none to those that fail, nothing beyond the budgets. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { Mailboxes, ServerName } from '../contract.ts'
import type { Breakers } from './breaker.ts'
import type { MeshSettings } from './config.ts'
import {
  type CallFate,
  forwardBatch,
  type ForwardCallOptions,
  forwardOne,
  type Parcel,
  type ParcelFate,
} from './forward-call.ts'
import {
  countAttempt,
  dropMessage,
  dropPending,
  duePending,
  type Forward,
  markRefused,
  markTaken,
  postpone,
} from './forward-store.ts'
import type { HoldOff } from './hold-off.ts'
import type { Budget, ByteGate } from './limits.ts'
import type { Peers } from './peers.ts'
import { dropPresence, presenceAt } from './presence-store.ts'
import type { Staging } from './staging.ts'

export interface Delivery {
  /** Brings what waits for a server, now or as soon as others are done. */
  deliver(server: ServerName): void
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

export interface DeliveryOptions {
  readonly settings: MeshSettings
  readonly clock: Clock
  readonly database: Database
  readonly mailboxes: Pick<Mailboxes, 'blob'>
  readonly peers: Peers
  readonly staging: Staging
  readonly holdOff: HoldOff
  readonly breakers: Breakers
  /** Of peers for presence without proof. */
  readonly budget: Budget
  readonly gate: ByteGate
  readonly call: ForwardCallOptions
  readonly log: Logger
  readonly counted: (fate: ParcelFate['kind'] | 'failed', messages: number, bytes: number) => void
}

/** Peers that are brought mail at the same time. */
const serversAtOnceMax = 8
/** Calls to one peer at the same time. */
const callsAtOnceMax = 6
/** Messages, and bytes of them, of one call. */
const batchMessagesMax = 100
const batchBytesMax = 2 * 1024 * 1024
/** Messages that are taken up at a time. */
const roundMax = 600

/** The feature of a peer that takes several messages in one call. */
export const batchFeature = 'forward-batch'

export function createDelivery(options: DeliveryOptions): Delivery {
  const { settings, clock, database, mailboxes, peers, breakers, budget, gate, call, log, counted } = options
  /** Servers whose turn is to come, in the order in which they were asked for. */
  const waiting = new Set<ServerName>()
  /** Those under way, and whether something came for them meanwhile. */
  const running = new Map<ServerName, boolean>()
  /** Servers for which a timer runs. */
  const comingBack = new Set<ServerName>()
  let wakeIdle: (() => void)[] = []

  const settle = (tx: Tx, server: ServerName, forward: Forward, fate: ParcelFate): Promise<unknown> => {
    if (fate.kind === 'taken') return markTaken(tx, forward, clock.now())
    if (fate.kind === 'refused') return markRefused(tx, forward, clock.now())
    if (fate.kind === 'later') return postpone(tx, forward, clock.now() + fate.afterMs)
    return leave(tx, server, forward)
  }

  /** The peer says that the key is not there: news, not a failure. */
  const leave = async (tx: Tx, server: ServerName, { key, box }: Forward): Promise<void> => {
    const presence = await presenceAt(tx, server, key)
    if (presence?.proofAt !== undefined) options.holdOff.begin(server, key, presence.proofAt)
    await dropPresence(tx, server, key)
    await dropPending(tx, server, box)
  }

  /** Sends a batch; gives false when the round is over for this server. */
  const send = async (server: ServerName, batch: readonly Forward[]): Promise<boolean> => {
    const exit = await gate.enter(batch.reduce((sum, one) => sum + one.bytes, 0))
    try {
      const loaded: { readonly forward: Forward; readonly parcel: Parcel }[] = []
      const gone: Forward[] = []
      for (const forward of batch) {
        const blob = await mailboxes.blob(forward.box, forward.seq)
        if (blob === undefined) gone.push(forward)
        else loaded.push({ forward, parcel: { key: forward.key, blob } })
      }
      if (gone.length > 0) {
        refund(gone)
        await database.write(async tx => {
          for (const { box, seq } of gone) await dropMessage(tx, box, seq)
        })
      }
      if (loaded.length === 0) {
        breakers.release(server)
        return true
      }
      return await settleCall(server, loaded, await callWith(server, loaded))
    } finally {
      exit()
    }
  }

  const refund = (forwards: readonly Forward[]) => {
    for (const one of forwards) if (!one.proven) budget.refund(one.server, one.bytes)
  }

  const callWith = (
    server: ServerName,
    loaded: readonly { readonly forward: Forward; readonly parcel: Parcel }[],
  ): Promise<CallFate> => {
    const [first] = loaded
    const parcels = loaded.map(one => one.parcel)
    return first !== undefined && !peers.can(server, batchFeature)
      ? forwardOne(call, server, first.parcel)
      : forwardBatch(call, server, parcels)
  }

  const settleCall = async (
    server: ServerName,
    loaded: readonly { readonly forward: Forward; readonly parcel: Parcel }[],
    fate: CallFate,
  ): Promise<boolean> => {
    const bytes = loaded.reduce((sum, one) => sum + one.forward.bytes, 0)
    if (fate.kind === 'answered') {
      breakers.succeeded(server)
      await database.write(async tx => {
        for (const [index, one] of fate.fates.entries()) {
          const forward = loaded[index]?.forward
          if (forward !== undefined) await settle(tx, server, forward, one)
        }
      })
      for (const [index, one] of fate.fates.entries()) {
        counted(one.kind, 1, loaded[index]?.forward.bytes ?? 0)
      }
      return true
    }
    if (fate.kind === 'unsupported') {
      // It had the route when it was asked; from now on one by one.
      breakers.succeeded(server)
      refund(loaded.map(one => one.forward))
      await peers.doubt(server)
      return true
    }
    counted('failed', loaded.length, bytes)
    if (fate.isForbidden) {
      call.forbidden(server)
      await peers.doubt(server)
    }
    breakers.failed(server, fate.retryAfterMs)
    if (call.signal.aborted) return false
    await database.write(async tx => {
      for (const { forward } of loaded) await countAttempt(tx, forward, settings.maxForwardRetries)
    })
    return false
  }

  /** Cuts what is due into calls, and spends the budget of what has no proof; what is beyond it is left out. */
  const batchesOf = (server: ServerName, due: readonly Forward[], isProbe: boolean): Forward[][] => {
    const messagesMax = peers.can(server, batchFeature) && !isProbe ? batchMessagesMax : 1
    const batches: Forward[][] = []
    let last: Forward[] = []
    let bytes = 0
    for (const forward of due) {
      if (isProbe && batches.length > 0) break
      if (!forward.proven && settings.federationPolicy !== 'open' && !budget.spend(server, forward.bytes))
        continue
      if (last.length === 0 || last.length >= messagesMax || bytes + forward.bytes > batchBytesMax) {
        last = []
        bytes = 0
        batches.push(last)
      }
      last.push(forward)
      bytes += forward.bytes
    }
    return batches
  }

  /** Gives whether another round may find something. */
  const round = async (server: ServerName): Promise<boolean> => {
    if (call.signal.aborted || peers.isBanned(server)) return false
    const due = await duePending(database.direct, {
      server,
      nowMs: clock.now(),
      unproven: peers.mayGetUnproven(server),
      limit: roundMax,
    })
    if (due.length === 0) return await database.write(tx => options.staging.resume(tx, server))
    const answer = breakers.ask(server)
    if (answer === 'wait') return false
    const batches = batchesOf(server, due, answer === 'probe')
    if (batches.length === 0) {
      if (answer === 'probe') breakers.release(server)
      return false
    }
    const unsent = new Set(batches)
    let goesOn = true
    const work = async () => {
      for (const batch of unsent) {
        if (!goesOn) return
        unsent.delete(batch)
        goesOn = (await send(server, batch)) && goesOn
      }
    }
    await Promise.all(Array.from({ length: Math.min(callsAtOnceMax, batches.length) }, work))
    for (const batch of unsent) refund(batch)
    return goesOn
  }

  const run = async (server: ServerName): Promise<void> => {
    try {
      while (await round(server));
    } catch (error) {
      breakers.release(server)
      log.error({ error, server }, 'mail could not be brought to a peer')
    }
  }

  /** When a peer's pause is over it is asked again, without waiting for the sweeper. */
  const comeBack = (server: ServerName) => {
    const waitMs = breakers.waitMs(server)
    if (waitMs === 0 || call.signal.aborted || comingBack.has(server)) return
    comingBack.add(server)
    clock.after(waitMs, () => {
      comingBack.delete(server)
      deliver(server)
    })
  }

  const deliver = (server: ServerName) => {
    if (call.signal.aborted) return
    if (running.has(server)) running.set(server, true)
    else {
      waiting.add(server)
      startNext()
    }
  }

  const startNext = () => {
    for (const server of waiting) {
      if (running.size >= serversAtOnceMax) return
      waiting.delete(server)
      running.set(server, false)
      void run(server).then(() => {
        if (running.get(server) === true) waiting.add(server)
        running.delete(server)
        comeBack(server)
        startNext()
        if (running.size === 0) for (const wake of wakeIdle.splice(0)) wake()
      })
    }
  }

  return {
    deliver,
    idle: () => (running.size === 0 ? Promise.resolve() : new Promise(resolve => wakeIdle.push(resolve))),
  }
}
