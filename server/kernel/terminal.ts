import { createInterface } from 'node:readline/promises'
import process from 'node:process'

/** Where a command speaks to a person. */
export interface Terminal {
  /** A line on standard output. */
  line(text: string): void
  /** A line on standard error. */
  error(text: string): void
  /** Whether a person sits there and can be asked. */
  readonly interactive: boolean
  /** Whether colours are shown: a terminal, and nobody said NO_COLOR. */
  readonly colour: boolean
  ask(question: string): Promise<string>
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  line: text => void process.stdout.write(`${text}\n`),
  error: text => void process.stderr.write(`${text}\n`),
  interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  colour:
    process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  ask: async question => {
    const reader = createInterface({ input: process.stdin, output: process.stdout })
    try {
      return (await reader.question(question)).trim()
    } finally {
      reader.close()
    }
  },
}
