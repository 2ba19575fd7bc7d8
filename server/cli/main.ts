/** The `leaf` command: one file a command, all of them listed here. */
import { Command, CommanderError } from 'commander'
import { exitCodes, tellFailure } from '../kernel/run.ts'
import type { CommandContext } from './command.ts'
import { addDoctor } from './doctor.ts'
import { addEntity } from './entity.ts'
import { addInit } from './init.ts'
import { addInvite } from './invite.ts'
import { addRelay } from './relay.ts'
import { addServer } from './server.ts'
import { addSkrepka } from './skrepka.ts'
import { addStart } from './start.ts'
import { addStream } from './stream.ts'

export interface CommandLine extends Omit<CommandContext, 'exit'> {
  /** Without node and the program. */
  readonly argv: readonly string[]
}

/** Runs a command line; gives the exit code. */
export async function runCommandLine({ argv, ...rest }: CommandLine): Promise<number> {
  let code: number = exitCodes.ok
  const context: CommandContext = {
    ...rest,
    exit: given => {
      code = given
    },
  }
  const program = new Command('leaf')
    .description('Leaf gives a community its own corner of the open social web.')
    .version(rest.version)
    .enablePositionalOptions()
    .showHelpAfterError('(leaf --help tells what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: text => rest.terminal.line(text.replace(/\n$/, '')),
      writeErr: text => rest.terminal.error(text.replace(/\n$/, '')),
    })
  addStart(program, context)
  addInit(program, context)
  addDoctor(program, context)
  addInvite(program, context)
  addRelay(program, context)
  addServer(program, context)
  addSkrepka(program, context)
  addEntity(program, context)
  addStream(program, context)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return tellFailure(error, sentence => rest.terminal.error(sentence))
  }
}
