/** The commands that take streams out of the house and into it. */
import { join } from 'node:path'
import { Refusal } from '../kernel/errors.ts'
import { diskFolders } from '../kernel/files.ts'
import { exitCodes } from '../kernel/run.ts'
import { listStreams } from '../streams/database/streams.ts'
import { backUpStream } from '../streams/transfer/backup.ts'
import { bringIn, type BroughtIn } from '../streams/transfer/bring-in.ts'
import type { ForeignStreams } from '../streams/transfer/foreign.ts'
import { openBackup } from '../streams/transfer/restore.ts'
import { openUpstream } from '../streams/transfer/upstream.ts'
import type { CommandContext } from './command.ts'
import { type StreamFlags, type StreamsWork, withStreams, withStreamTables } from './stream-house.ts'
import { many } from './stream-tables.ts'

interface Failed {
  readonly did: string
  readonly reason: string
}

export function backUp(
  context: CommandContext,
  did: string | undefined,
  flags: StreamFlags & { readonly to: string },
): Promise<void> {
  return withStreamTables(context, flags.config, async work => {
    const deps = { ...work, folders: diskFolders, to: flags.to }
    const tell = createTelling(context)
    const failed: Failed[] = []
    const sum = { streams: 0, events: 0, added: 0 }
    for await (const one of did === undefined ? didsOf(work) : [did]) {
      try {
        const { added, events, warnings } = await backUpStream(deps, one)
        sum.streams += 1
        sum.events += events
        sum.added += added
        for (const warning of warnings) tell.note(`${warning}.`)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        // One that was deleted meanwhile is not missed.
        if (did === undefined && error.code === 'missing') continue
        failed.push({ did: one, reason: error.message })
        tell.note(`${error.message}.`)
      }
      tell.progress(() => `${many(sum.streams, 'stream')}, ${many(sum.added, 'new event')} so far`)
    }
    tell.end()
    const line = `${flags.to} has ${many(sum.streams, 'stream')} with ${many(sum.events, 'event')}; ${sum.added} of them are new.`
    finish(context, flags, { ...sum, failed }, line)
  })
}

const pageRows = 1000

async function* didsOf({ database }: StreamsWork): AsyncGenerator<string> {
  let after: string | undefined = ''
  while (after !== undefined) {
    const from: string = after
    const rows = await database.read(tx => listStreams(tx, { after: from, limit: pageRows }))
    for (const { did } of rows) yield did
    after = rows.length === pageRows ? rows.at(-1)?.did : undefined
  }
}

export function restore(
  context: CommandContext,
  did: string | undefined,
  flags: StreamFlags & { readonly from: string },
): Promise<void> {
  return bring(context, flags, scratch => {
    const backup = openBackup({ folders: diskFolders, from: flags.from, scratch })
    if (did === undefined) return backup
    if (!backup.dids.includes(did)) throw new Refusal('missing', `${flags.from} has no stream ${did}`)
    return { ...backup, dids: [did] }
  })
}

export function importFolder(context: CommandContext, from: string, flags: StreamFlags): Promise<void> {
  return bring(context, flags, scratch => openUpstream({ folders: diskFolders, from, scratch }))
}

function bring(
  context: CommandContext,
  flags: StreamFlags,
  open: (scratch: string) => ForeignStreams,
): Promise<void> {
  return withStreams(context, flags.config, async ({ database, engine, streamsFolder }) => {
    await diskFolders.make(streamsFolder)
    const source = open(join(streamsFolder, '.state-to-check.db'))
    const tell = createTelling(context)
    const failed: Failed[] = []
    const sum = { brought: 0, here: 0, events: 0 }
    try {
      const deps = { database, transfer: engine.transfer }
      for await (const result of bringIn(deps, source, source.dids)) {
        count(result, sum, failed)
        for (const note of result.notes) tell.note(`${note}.`)
        const done = sum.brought + sum.here + failed.length
        tell.progress(
          () => `${done} of ${many(source.dids.length, 'stream')}, ${many(sum.events, 'event')} so far`,
        )
      }
    } finally {
      source.close()
    }
    tell.end()
    const here =
      sum.here === 0 ? '' : ` ${many(sum.here, 'stream')} ${sum.here === 1 ? 'was' : 'were'} here before.`
    const line = `${many(sum.brought, 'stream')} with ${many(sum.events, 'event')} ${sum.brought === 1 ? 'is' : 'are'} brought in.${here}`
    finish(context, flags, { ...sum, failed }, line)
  })
}

function count(
  { did, outcome, events, notes }: BroughtIn,
  sum: { brought: number; here: number; events: number },
  failed: Failed[],
): void {
  if (outcome === 'refused') failed.push({ did, reason: notes.join('; ') })
  else if (outcome === 'here') sum.here += 1
  else {
    sum.brought += 1
    sum.events += events
  }
}

/** Says what came of it all; what failed makes the command fail. */
function finish(
  context: CommandContext,
  flags: StreamFlags,
  result: { readonly failed: readonly Failed[] },
  line: string,
): void {
  const { terminal } = context
  if (flags.json === true) terminal.line(JSON.stringify(result))
  else terminal.line(line)
  if (result.failed.length === 0) return
  context.exit(exitCodes.failed)
  if (flags.json !== true)
    terminal.error(`${many(result.failed.length, 'stream')} failed. What failed can be repeated.`)
}

const progressMs = 2000
/** Sentences that are shown; with --json all that failed is told. */
const notesMax = 20

/** Tells on standard error how far long work is, and what went wrong on the way. */
function createTelling({ terminal, clock }: CommandContext) {
  let nextMs = clock.monotonic() + progressMs
  let notes = 0
  return {
    progress: (line: () => string) => {
      if (clock.monotonic() < nextMs) return
      nextMs = clock.monotonic() + progressMs
      terminal.error(`${line()} …`)
    },
    note: (sentence: string) => {
      notes += 1
      if (notes <= notesMax) terminal.error(sentence)
    },
    end: () => {
      if (notes > notesMax)
        terminal.error(`And ${notes - notesMax} more like these; --json tells all that failed.`)
    },
  }
}
