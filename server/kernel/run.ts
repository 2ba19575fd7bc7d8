import type { Clock } from './clock.ts'
import { ConfigError } from './config.ts'
import { Refusal } from './errors.ts'
import { StartFault } from './lifecycle.ts'

/** Everything that runs in one process, composed. */
export interface House {
  /** Starts all of it. `address` is where people find it; `lines` say what runs, one line a system. */
  start(): Promise<{ readonly address: string; readonly lines: readonly string[] }>
  /** Stops all of it within its deadline; gives the names of parts that did not stop cleanly. */
  stop(): Promise<readonly string[]>
}

/** What the process ends with. */
export const exitCodes = {
  ok: 0,
  /** It could not be done; a sentence said why. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** A fault of Leaf itself, or stored state that contradicts itself. */
  fault: 70,
  /** A second signal ended it at once. */
  forced: 130,
} as const

export interface RunOptions {
  /** Makes the house. `onFatal` stops the process: for state that must not be served any longer. */
  readonly compose: (onFatal: (error: unknown) => void) => Promise<House>
  readonly clock: Clock
  /** Calls `listener` whenever the process is asked to stop. Returns the end of it. */
  readonly onSignal: (listener: (name: string) => void) => () => void
  /** Tells people that it runs. */
  readonly started: (running: { readonly address: string; readonly lines: readonly string[] }) => void
  /** Tells people a sentence. */
  readonly tell: (sentence: string) => void
  /** Ends the process now. */
  readonly exit: (code: number) => void
}

/**
 * Ctrl-C under npm arrives twice, from the terminal and from npm. Only a signal that comes later than this is a
 * person who has lost patience.
 */
const sameSignalMs = 1000

/** Runs a house until a signal or a fatal error stops it. Gives the exit code. */
export async function runHouse(options: RunOptions): Promise<number> {
  const { clock, tell } = options
  const stopped = Promise.withResolvers<number>()
  let stoppedAtMs: number | undefined
  const askToStop = (code: number) => {
    if (stoppedAtMs !== undefined) return
    stoppedAtMs = clock.monotonic()
    stopped.resolve(code)
  }
  const endSignals = options.onSignal(name => {
    if (stoppedAtMs !== undefined && clock.monotonic() - stoppedAtMs > sameSignalMs) {
      tell(`${name} again: ending at once.`)
      options.exit(exitCodes.forced)
    }
    askToStop(exitCodes.ok)
  })
  const onFatal = (error: unknown) => {
    tell(
      `stopping, because going on could do harm: ${error instanceof Error ? error.message : String(error)}`,
    )
    askToStop(exitCodes.fault)
  }
  try {
    const house = await options.compose(onFatal)
    const starting = house.start().then(running => {
      if (stoppedAtMs === undefined) options.started(running)
    })
    const code = await Promise.race([stopped.promise, starting.then(() => stopped.promise)])
    const failed = await house.stop()
    await starting.catch(error => (stoppedAtMs === undefined ? Promise.reject(error) : undefined))
    if (failed.length > 0) tell(`did not stop cleanly: ${failed.join(', ')}.`)
    return code === exitCodes.ok && failed.length > 0 ? exitCodes.failed : code
  } catch (error) {
    return tellFailure(error, tell)
  } finally {
    endSignals()
  }
}

/** Expected reasons are told as sentences, anything else with its stack. Gives the exit code. */
export function tellFailure(error: unknown, tell: (sentence: string) => void): number {
  if (error instanceof ConfigError) {
    tell('Leaf does not start with this configuration:')
    for (const { name, sentence } of error.faults) tell(`  ${name} ${sentence}`)
    if (error.faults.some(({ sentence }) => sentence.startsWith('is missing'))) {
      tell(
        '`leaf init` writes a configuration with fresh secrets; `leaf doctor` says what is wrong with one.',
      )
    }
    return exitCodes.usage
  }
  if (error instanceof StartFault) {
    tell(error.message.replace(/^./, letter => letter.toUpperCase()))
    return exitCodes.failed
  }
  if (error instanceof Refusal) {
    tell(`${error.message}.`)
    return exitCodes.failed
  }
  tell(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return exitCodes.fault
}
