import type { Environment } from '../kernel/config.ts'
import type { Terminal } from '../kernel/terminal.ts'

/** What is told once the house runs. */
export interface Running {
  readonly address: string
  readonly lines: readonly string[]
}

/** What every command is given. */
export interface CommandContext {
  readonly env: Environment
  readonly terminal: Terminal
  /** Runs Leaf with an environment until it is stopped; gives the exit code. */
  readonly serve: (env: Environment, started: (running: Running) => void) => Promise<number>
  /** The exit code of the command line. */
  readonly exit: (code: number) => void
}
