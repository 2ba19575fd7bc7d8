import type { EntityView } from '@leaf/entities/api/view'
import { codecOf } from '@leaf/codec/borsh/schema'
import { decodeBorsh } from '@leaf/codec/borsh/codec'
import { unixMsOf } from '@leaf/entities/willow/timestamp'
import type { Command } from 'commander'
import type { Subspace } from '@leaf/entities/api/place'
import { hexOf, id32Of } from '../entities/hex.ts'
import { type Json, valueToJson } from '../entities/http/value-json.ts'
import { pathToText } from '../entities/path-text.ts'
import { diskFolders } from '../kernel/files.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import type { CommandContext } from './command.ts'
import { defaultFile, type Device, type FileFlags, pathOf, withDevice } from './entity-device.ts'
import { addExport, addImport } from './entity-files.ts'
import { addLink, addPublish, addSync } from './entity-server.ts'
import { readAssignment, readValue } from './entity-values.ts'

/** `leaf entity`: entities in a file of one's own, synced with a server. */
export function addEntity(program: Command, context: CommandContext): void {
  const group = program
    .command('entity')
    .description('Entities in a file of your own: write, read, sync with a server.')
  addPut(group, context)
  addGet(group, context)
  addList(group, context)
  addSync(group, context)
  addLink(group, context)
  addPublish(group, context)
  addExport(group, context)
  addImport(group, context)
}

interface PutFlags extends FileFlags {
  readonly remove: readonly string[]
}

function addPut(group: Command, context: CommandContext): void {
  group
    .command('put <path> [components...]')
    .description('Set components of an entity; the file and its key are made when they are not there.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('--remove <kinds...>', 'kinds of components to remove', [])
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Texts are written as they are, everything else as JSON; @file takes a value from a file.

Examples:
  leaf entity put posts/hello Name=Hello CommonMark=@hello.md 'Tags=["first"]'
  leaf entity put posts/~u7 --remove Tags      ~u7 is the number 7; text needs no mark`,
    )
    .action((path: string, components: string[], flags: PutFlags) =>
      withDevice({ file: flags.file, make: true }, context, device =>
        put({ path, components, flags }, device, context),
      ),
    )
}

async function put(
  wish: { readonly path: string; readonly components: readonly string[]; readonly flags: PutFlags },
  { space }: Device,
  { terminal }: CommandContext,
): Promise<void> {
  const { components, flags } = wish
  if (components.length + flags.remove.length === 0)
    throw new StartFault('nothing to do: name a component, for one Name=Hello')
  const values = await Promise.all(
    components.map(async text => {
      const { kind, value } = readAssignment(text)
      return { kind, value: readValue(kind, await textOf(value)) }
    }),
  )
  const removed = flags.remove.map(name => readAssignment(`${name}=`).kind)
  const entity = space.at(...pathOf(wish.path))
  await entity.edit(draft => {
    for (const kind of removed) draft.remove(kind)
    for (const { kind, value } of values) draft.set(kind, value)
  })
  const view = await entity.view()
  if (flags.json === true && view !== undefined) terminal.line(JSON.stringify(viewToJson(view)))
  else
    terminal.line(
      `Stored, with ${view?.open.length ?? 0} components. leaf entity sync <server> brings it there.`,
    )
}

/** `@file`: the text of a file. */
async function textOf(value: string): Promise<string> {
  if (!value.startsWith('@')) return value
  const bytes = await diskFolders.read(value.slice(1))
  if (bytes === undefined) throw new StartFault(`there is no file ${value.slice(1)}`)
  return new TextDecoder().decode(bytes)
}

function addGet(group: Command, context: CommandContext): void {
  group
    .command('get <path>')
    .description('Show an entity.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('--of <subspace>', 'somebody else’s: the key of a subspace, in hex')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity get posts/hello
  leaf entity get / --json        the default entity: who you are

Exit code 1 when there is none.`,
    )
    .action((path: string, flags: GetFlags) =>
      withDevice({ file: flags.file, make: false }, context, async ({ leaf, space, me }) => {
        const view = await space.at(ownerOf(flags, me), ...pathOf(path)).view()
        if (view === undefined) throw new StartFault(`there is no entity at ${path}`)
        const { terminal } = context
        if (flags.json === true)
          return terminal.line(JSON.stringify(viewToJson(view, await schemasOf(view, leaf))))
        for (const line of await viewLines(view, leaf)) terminal.line(line)
      }),
    )
}

interface GetFlags extends FileFlags {
  readonly of?: string
}

interface ListFlags extends GetFlags {
  readonly limit: string
}

function addList(group: Command, context: CommandContext): void {
  group
    .command('list [path]')
    .description('List entities, the newest first.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('--of <subspace>', 'somebody else’s: the key of a subspace, in hex')
    .option('-n, --limit <count>', 'at most so many', '100')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity list
  leaf entity list posts -n 10`,
    )
    .action((path: string | undefined, flags: ListFlags) =>
      withDevice({ file: flags.file, make: false }, context, async ({ space, me }) => {
        const limit = Number(flags.limit)
        if (!/^\d{1,6}$/.test(flags.limit) || limit < 1)
          throw new StartFault(`expected a number of entities, got ${flags.limit}`)
        const under = [ownerOf(flags, me), ...pathOf(path ?? '')] as const
        const { terminal } = context
        const views = await space.query({ under, orderBy: 'newest', limit }).all()
        if (views.length === 0 && flags.json !== true)
          terminal.line('There is nothing here yet. leaf entity put posts/hello Name=Hello writes the first.')
        for (const view of views) {
          if (flags.json === true) terminal.line(JSON.stringify(viewToJson(view)))
          else terminal.line(`${timeOf(view)}  ${pathToText(view.place?.path ?? []) || '/'}`)
        }
      }),
    )
}

/** Whose entities are meant. Throws StartFault. */
function ownerOf({ of }: GetFlags, me: Subspace): Subspace {
  if (of === undefined) return me
  const publicKey = id32Of(of)
  if (publicKey === undefined) throw new StartFault(`expected a key of 64 hex digits, got ${of}`)
  return { publicKey }
}

type Schemas = ReadonlyMap<string, Awaited<ReturnType<Device['leaf']['describe']>>>

async function schemasOf(view: EntityView, leaf: Device['leaf']): Promise<Schemas> {
  const found = await Promise.all(
    view.open.map(async ({ schema }) => [hexOf(schema), await leaf.describe(schema)] as const),
  )
  return new Map(found)
}

function timeOf({ timestamp }: EntityView): string {
  return timestamp === undefined ? '' : new Date(Math.floor(unixMsOf(timestamp))).toISOString()
}

function viewToJson(view: EntityView, schemas?: Schemas): Json {
  return {
    path: pathToText(view.place?.path ?? []),
    time: timeOf(view),
    snapshot: hexOf(view.snapshotId),
    components: view.open.map(({ id, schema, data }) => {
      const described = schemas?.get(hexOf(schema))
      return {
        id: hexOf(id),
        schema: hexOf(schema),
        ...(described === undefined
          ? {}
          : {
              name: described.name,
              value: valueToJson(described.format, decodeBorsh(codecOf(described.format), data)),
            }),
      }
    }),
    locked: view.locked.length,
  }
}

async function viewLines(view: EntityView, leaf: Device['leaf']): Promise<readonly string[]> {
  const schemas = await schemasOf(view, leaf)
  const lines = view.open.map(({ schema, data }) => {
    const described = schemas.get(hexOf(schema))
    if (described === undefined) return `(unknown kind ${hexOf(schema).slice(0, 16)}): ${data.length} bytes`
    const json = valueToJson(described.format, decodeBorsh(codecOf(described.format), data))
    return `${described.name}: ${typeof json === 'string' ? json : JSON.stringify(json)}`
  })
  const locked = view.locked.length === 0 ? [] : [`(locked components: ${view.locked.length})`]
  return [...lines, ...locked, `written ${timeOf(view)}`]
}
