import { createVerifier } from '@leaf/entities/meadowcap/verify'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { exportDrop, importDrop } from '@leaf/entities/drop/store-drop'
import type { Command } from 'commander'
import { readPieces, writePieces } from '../kernel/file-pieces.ts'
import { fileExists } from '../kernel/files.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import type { CommandContext } from './command.ts'
import { defaultFile, type FileFlags, pathOf, withDevice } from './entity-device.ts'

interface ExportFlags extends FileFlags {
  readonly under: string
  readonly delegated?: true
}

/** `leaf entity export`: a drop. */
export function addExport(group: Command, context: CommandContext): void {
  group
    .command('export <drop>')
    .description('Write entities to a file (Willow drop format) that others can import and verify.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('-u, --under <path>', 'only what is at and below a path', '')
    .option('--delegated', 'also what was written by rights that were passed on; not everybody reads it')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity export all.drop
  leaf entity export posts.drop --under posts`,
    )
    .action((drop: string, flags: ExportFlags) =>
      withDevice({ file: flags.file, make: false }, context, async ({ leaf, space }) => {
        if (fileExists(drop)) throw new StartFault(`${drop} is there already; it is never overwritten`)
        const areas = [{ namespace: space.namespace, area: space.area(...pathOf(flags.under)) }]
        const delegated = flags.delegated === true
        const bytes = await writePieces(drop, exportDrop({ store: leaf.store, areas, delegated }))
        const { terminal } = context
        terminal.line(
          flags.json === true
            ? JSON.stringify({ drop, bytes })
            : `${drop}: ${bytes} bytes. It is not encrypted.`,
        )
      }),
    )
}

/** `leaf entity import`: a drop, taken whole or not at all. */
export function addImport(group: Command, context: CommandContext): void {
  group
    .command('import <drop>')
    .description('Take the entities of a drop: all of them, verified, or none.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity import posts.drop
  leaf entity import posts.drop --file copy.db`,
    )
    .action((drop: string, flags: FileFlags) =>
      withDevice({ file: flags.file, make: true }, context, async ({ leaf }) => {
        if (!fileExists(drop)) throw new StartFault(`there is no ${drop}`)
        const verifier = createVerifier(createNodeEd25519())
        const taken = await importDrop({ store: leaf.store, verifier, open: () => readPieces(drop) })
        const { terminal } = context
        if (flags.json === true)
          return terminal.line(JSON.stringify({ ...taken, refused: Object.fromEntries(taken.refused) }))
        terminal.line(
          `${taken.entries} entries: ${taken.stored} new, ${taken.known} known, ${taken.obsolete} older than what is here.`,
        )
      }),
    )
}
