/** Environment, signals, exit code. */
import { flushCompileCache } from 'node:module'
import process from 'node:process'
import { runCommandLine } from './cli/main.ts'
import { readConfiguration, settingFlags, settingTables } from './configuration.ts'
import { systemClock } from './kernel/clock.ts'
import { systemRandom } from './kernel/random.ts'
import { runHouse, tellFailure } from './kernel/run.ts'
import { processTerminal } from './kernel/terminal.ts'
import { version } from './version.ts'

const terminal = processTerminal
const tell = (sentence: string) => terminal.error(sentence)

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, error => {
    // After a fault that nobody caught, no state in memory can be trusted.
    process.exit(tellFailure(error, tell))
  })
}

process.exitCode = await runCommandLine({
  argv: process.argv.slice(2),
  env: process.env,
  terminal,
  clock: systemClock,
  random: systemRandom,
  version,
  tables: settingTables,
  settingFlags,
  readConfiguration,
  serve: (env, started) =>
    runHouse({
      // Only `leaf start` pays for loading the whole house.
      compose: async onFatal => (await import('./compose.ts')).compose({ env, onFatal }),
      clock: systemClock,
      onSignal: listener => {
        process.on('SIGTERM', listener)
        process.on('SIGINT', listener)
        return () => process.off('SIGTERM', listener).off('SIGINT', listener)
      },
      started: running => {
        started(running)
        // Not only at the end: a process that is killed should start as fast the next time.
        flushCompileCache()
      },
      tell,
      exit: code => process.exit(code),
    }),
})
// Connections that others left half open must not keep the process.
process.exit()
