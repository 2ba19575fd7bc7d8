/** What a host has at hand: modules that it has read, and targets that it has open, those used last. */
import type { DrislInput } from '@leaf/codec/drisl'
import { createBoundedMap } from '../../../kernel/bounded-map.ts'
import type { HostNeed, Position, Target } from '../protocol.ts'
import { as } from './connection.ts'
import { type ModuleDefinition, readDefinition } from './definition.ts'
import { messageOf, ModuleError } from './errors.ts'
import { capState, identityOf } from './files.ts'
import { type Opened, openTarget } from './opened.ts'
import { abortPrepared } from './prepare.ts'

/** A request that cannot be done before something else. */
export class Need extends Error {
  override readonly name = 'Need'
  readonly need: HostNeed

  constructor(need: HostNeed) {
    super(need)
    this.need = need
  }
}

/** A request that must wait until the target has caught up. */
export class Behind extends Error {
  override readonly name = 'Behind'
  readonly at: Position

  constructor(at: Position) {
    super('behind')
    this.at = at
  }
}

export interface Kept {
  addModule(cid: string, bytes: Uint8Array): void
  /** Throws Need. */
  definitionOf(cid: string): ModuleDefinition
  /** The target as it is open, with nothing running in it. Throws Need. */
  current(target: Target): Opened
  /** The same, as far as the house. Throws Need, Behind. */
  upToDate(target: Target): Opened
  /** Whatever has the key open. */
  get(key: string): Opened | undefined
  /** Opens a target, anew if it was; with `verify`, gives the last event of its mirror. Throws Need. */
  open(target: Target, verify: boolean): { readonly one: Opened; readonly tail: DrislInput }
  close(key: string): void
  openCount(): number
}

export interface KeptOptions {
  readonly openMax: number
  readonly fileBytesMax: number
}

/** Modules that are kept read, by the bytes they came in. */
const modulesBytesMax = 32 * 1024 * 1024

export function createKept({ openMax, fileBytesMax }: KeptOptions): Kept {
  const modules = createBoundedMap<string, { definition: ModuleDefinition; bytes: number }>(
    modulesBytesMax,
    one => one.bytes,
  )
  // A Map keeps the order of insertion: the one used longest ago is first.
  const opened = new Map<string, Opened>()

  const close = (key: string) => {
    const one = opened.get(key)
    opened.delete(key)
    one?.close()
  }

  const definitionOf = (cid: string): ModuleDefinition => {
    const known = modules.get(cid)
    if (known === undefined) throw new Need('module')
    return known.definition
  }

  const current = (target: Target): Opened => {
    const one = opened.get(target.key)
    if (one === undefined || !isStill(one, target)) throw new Need('open')
    opened.delete(target.key)
    opened.set(target.key, one)
    if (isBusy(one)) abortPrepared(one)
    return one
  }

  const makeRoom = () => {
    for (const [key, one] of opened) {
      if (opened.size < openMax) return
      if (!isBusy(one)) close(key)
    }
  }

  return {
    addModule: (cid, bytes) => modules.set(cid, { definition: readModule(bytes), bytes: bytes.length }),
    definitionOf,
    current,
    upToDate: target => {
      const one = current(target)
      const { log, module, seq } = one.position
      if (log < target.head || module < target.head || seq < target.stateHead) throw new Behind(one.position)
      return one
    },
    get: key => opened.get(key),
    open: (target, verify) => {
      const definition = definitionOf(target.cid)
      close(target.key)
      makeRoom()
      const one = openTarget(target, { definition, fileBytesMax })
      if (one === undefined) throw new Need('init')
      if (verify && isAhead(one, target)) {
        one.close()
        throw new Need(fitState(one, target) ? 'open' : 'reset')
      }
      opened.set(target.key, one)
      return { one, tail: verify ? tailOf(one) : null }
    },
    close,
    openCount: () => opened.size,
  }
}

const isBusy = ({ pending, preparing }: Opened) => pending !== undefined || preparing !== undefined

/** Whether it is what is asked for, and its files are those that were opened. */
function isStill(one: Opened, target: Target): boolean {
  const { epoch, cid, generation } = one.target
  const isSame = epoch === target.epoch && cid === target.cid && generation === target.generation
  return isSame && !one.hasMoved && !hasServedScratch(one) && one.identity === identityOf(one.files)
}

/** Its tables have reached the state, so that they go on with the true one. */
function hasServedScratch({ scratchUpTo, position }: Opened): boolean {
  return scratchUpTo !== undefined && position.module >= scratchUpTo
}

/** What is ahead of the house is of another history. */
function isAhead({ position, scratchUpTo = 0 }: Opened, { head, stateHead }: Target): boolean {
  const { log, module, seq } = position
  return Math.max(log, module, scratchUpTo) > head || seq > stateHead
}

/** Makes a state that is ahead fit. False when it is the mirror or the tables that are: those must go. */
function fitState({ position, files }: Opened, target: Target): boolean {
  if (Math.max(position.log, position.module) > target.head) return false
  capState(files, target)
  return true
}

/** The last event of the mirror, for comparison with the log; null when there is none. */
function tailOf({ connection, position }: Opened): DrislInput {
  const idx = position.log
  if (idx === 0) return null
  return as(connection, 'server', () => {
    const row = connection.database
      .prepare('select user, payload from events.events where idx = ?')
      .get(BigInt(idx))
    const payload = row?.['payload']
    return payload instanceof Uint8Array ? { idx, user: String(row?.['user']), payload } : null
  })
}

function readModule(bytes: Uint8Array): ModuleDefinition {
  try {
    return readDefinition(bytes)
  } catch (error) {
    throw new ModuleError(messageOf(error), { cause: error })
  }
}
