/** The commands about streams that need the database alone. */
import { Refusal } from '../kernel/errors.ts'
import { exitCodes } from '../kernel/run.ts'
import { isDeleted, markDeleted } from '../streams/database/deleted.ts'
import { moduleWarnings, updateOf } from '../streams/database/modules.ts'
import { putQuota, quotaRow, usedBy } from '../streams/database/quotas.ts'
import {
  frozenForImport,
  type ListedStream,
  listStreams,
  ownersOf,
  setFrozen,
  streamByDid,
  type StreamRecord,
} from '../streams/database/streams.ts'
import { engineSettings } from '../streams/engine-settings.ts'
import type { Quota } from '../streams/stream/contract.ts'
import { channelOf } from '../streams/stream/group.ts'
import { noSuchStream, streamDeleted } from '../streams/stream/texts.ts'
import type { CommandContext } from './command.ts'
import type { DatabaseWork } from './database.ts'
import { type StreamFlags, withStreamTables } from './stream-house.ts'

interface ListFlags extends StreamFlags {
  readonly owner?: string
  readonly module?: string
  readonly frozen?: true
  readonly after?: string
  readonly limit: number
}

/** Rows that are looked at in one go, to find those that are asked for. */
const pageRows = 1000

export function listStreamRows(context: CommandContext, flags: ListFlags): Promise<void> {
  const { terminal } = context
  return withStreamTables(context, flags.config, async ({ database }) => {
    const found: ListedStream[] = []
    const owner = flags.owner === undefined ? {} : { owner: flags.owner }
    let after = flags.after ?? ''
    let more = true
    while (more && found.length <= flags.limit) {
      const options = { ...owner, after, limit: pageRows }
      const rows = await database.read(tx => listStreams(tx, options))
      found.push(...rows.filter(row => isAskedFor(row, flags)))
      after = rows.at(-1)?.did ?? after
      more = rows.length === pageRows
    }
    const shown = found.slice(0, flags.limit)
    if (flags.json === true) terminal.line(JSON.stringify(shown.map(shownOf)))
    else if (shown.length === 0) terminal.line('There are no such streams.')
    else for (const row of shown) terminal.line(lineOf(row))
    const last = shown.at(-1)
    if (flags.json !== true && last !== undefined && found.length > shown.length)
      terminal.line(`There are more: leaf stream list --after ${last.did}`)
  })
}

function isAskedFor(row: StreamRecord, { module, frozen }: ListFlags): boolean {
  return (module === undefined || row.module === module) && (frozen === undefined || row.frozen !== 0)
}

type State = 'open' | 'frozen' | 'coming in'

function stateOf({ frozen }: StreamRecord): State {
  if (frozen === 0) return 'open'
  return frozen === frozenForImport ? 'coming in' : 'frozen'
}

function shownOf(row: ListedStream) {
  const { did, owners, module, handle, head, stateHead, bytes, clientStamp, createdAt } = row
  const state = stateOf(row)
  const common = {
    did,
    state,
    owners,
    handle,
    moduleCid: module,
    events: head,
    stateEvents: stateHead,
    bytes,
  }
  return { ...common, clientStamp, createdAt: new Date(createdAt).toISOString() }
}

function lineOf(row: ListedStream): string {
  const state = stateOf(row)
  const marks = [row.handle ?? '', state === 'open' ? '' : state].filter(mark => mark !== '')
  const mark = marks.length === 0 ? '' : ` (${marks.join(', ')})`
  return `${row.did}${mark}  ${many(row.head, 'event')}, ${size(row.bytes)}, of ${row.payer}`
}

export function showStream(context: CommandContext, did: string, flags: StreamFlags): Promise<void> {
  const { terminal } = context
  return withStreamTables(context, flags.config, async work => {
    const record = await find(work, did)
    const { database } = work
    const owners = await ownersOf(database.direct, record.id)
    const shown = shownOf({ ...record, owners })
    const building = await updateOf(database.direct, record.id)
    const warnings = (await moduleWarnings(database.direct, record.module)) ?? []
    if (flags.json === true) {
      const more = { building: building?.module ?? null, signed: record.signingKey !== null, warnings }
      terminal.line(JSON.stringify({ ...shown, ...more }))
      return
    }
    const lines: readonly (readonly [name: string, value: string])[] = [
      ['stream', shown.state === 'open' ? did : `${did} (${shown.state})`],
      ['handle', record.handle ?? 'none'],
      ['owners', [record.payer, ...owners.filter(owner => owner !== record.payer)].join(', ')],
      ['module', record.module],
      ['events', `${record.head}, ${size(record.bytes)}; ${many(record.stateHead, 'state event')}`],
      ['key', record.signingKey ?? 'elsewhere: events are not signed'],
      ['created', shown.createdAt],
      ...(building === undefined ? [] : [['building', building.module] as const]),
      ...warnings.map(warning => ['warning', warning] as const),
    ]
    for (const [name, value] of lines) terminal.line(`${name.padEnd(9)}${value}`)
  })
}

async function find({ database }: DatabaseWork, did: string): Promise<StreamRecord> {
  const record = await streamByDid(database.direct, did)
  if (record !== undefined) return record
  throw (await isDeleted(database.direct, did)) ? streamDeleted(did) : noSuchStream(did)
}

export function freezeStream(
  context: CommandContext,
  did: string,
  { config, frozen }: StreamFlags & { readonly frozen: boolean },
): Promise<void> {
  return withStreamTables(context, config, async work => {
    const record = await find(work, did)
    if (record.frozen === frozenForImport)
      throw new Refusal(
        'conflict',
        `${did} is not all here: bringing it in was cut off; repeat it, or delete it`,
      )
    await work.database.write(tx => setFrozen(tx, did, frozen))
    context.terminal.line(
      frozen
        ? `${did} is frozen: it can be read, and nothing can be added.`
        : `${did} is not frozen: events can be added.`,
    )
  })
}

export function deleteStream(
  context: CommandContext,
  did: string,
  flags: StreamFlags & { readonly yes?: true },
): Promise<void> {
  const { terminal, clock } = context
  return withStreamTables(context, flags.config, async work => {
    const record = await find(work, did)
    const what = `${did}${record.handle === null ? '' : ` (${record.handle})`}, with ${many(record.head, 'event')} (${size(record.bytes)})`
    if (flags.yes !== true) {
      if (!terminal.interactive) {
        terminal.error(`Nobody is here to ask. To delete ${what}, say --yes.`)
        context.exit(exitCodes.usage)
        return
      }
      const answer = await terminal.ask(`Delete ${what}? Only a backup brings it back. [y/N] `)
      if (!/^y(es)?$/i.test(answer.trim())) {
        terminal.line('Nothing was deleted.')
        context.exit(exitCodes.failed)
        return
      }
    }
    await work.database.write(async tx => {
      await markDeleted(tx, record, clock.now())
      tx.notify(channelOf(record.id))
    })
    terminal.line(
      `${did} is deleted. A Leaf that runs ends it within a minute; its events go from the disk while Leaf runs.`,
    )
  })
}

interface QuotaFlags extends StreamFlags {
  readonly streams?: number
  readonly bytes?: number
  readonly default?: true
}

export function streamQuota(context: CommandContext, owner: string, flags: QuotaFlags): Promise<void> {
  const { terminal } = context
  return withStreamTables(context, flags.config, async ({ database, configuration }) => {
    const { limits } = engineSettings(configuration.values.streams, '')
    const isGiven = flags.streams !== undefined || flags.bytes !== undefined
    if (isGiven && flags.default === true)
      throw new Refusal('invalid', 'say either --default or a quota, not both')
    if (isGiven || flags.default === true) {
      await database.write(async tx => {
        const now = (await quotaRow(tx, owner)) ?? limits.quota
        const { streams = now.streams, bytes = now.bytes } = flags
        await putQuota(tx, owner, flags.default === true ? undefined : { streams, bytes })
      })
    }
    const { set, used } = await database.read(async tx => ({
      set: await quotaRow(tx, owner),
      used: await usedBy(tx, owner),
    }))
    const quota = set ?? limits.quota
    if (flags.json === true)
      terminal.line(JSON.stringify({ owner, quota, used, isDefault: set === undefined }))
    else terminal.line(quotaLine(owner, { quota, used, isDefault: set === undefined }))
  })
}

function quotaLine(
  owner: string,
  { quota, used, isDefault }: { readonly quota: Quota; readonly used: Quota; readonly isDefault: boolean },
): string {
  const whose = isDefault ? 'the house’s own quota' : 'set for this owner'
  return `${owner} has ${used.streams} of ${many(quota.streams, 'stream')} and ${size(used.bytes)} of ${size(quota.bytes)} (${whose}).`
}

export const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

/** `1.5 MB`, of bytes. */
export function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1).replace(/\.0$/, '')} ${units[unit] ?? ''}`
}
