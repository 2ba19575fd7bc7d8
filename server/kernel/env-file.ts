import { readFile, writeFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import type { Environment } from './config.ts'
import { StartFault } from './lifecycle.ts'

/** The file that `leaf init` writes and `leaf start` reads, in the working directory. */
export const defaultEnvFile = 'leaf.env'

/**
 * The environment, with the settings of a file below it: what the environment sets wins. Without a `file`, `leaf.env`
 * in the working directory is read if it is there. Throws StartFault when the named file cannot be read.
 */
export async function readEnvironment(env: Environment, file: string | undefined): Promise<Environment> {
  let text: string
  try {
    text = await readFile(file ?? defaultEnvFile, 'utf8')
  } catch (cause) {
    const absent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (absent && file === undefined) return env
    const why = absent ? 'there is no such file' : 'it cannot be read'
    throw new StartFault(`the settings in ${file ?? defaultEnvFile} were asked for, but ${why}`, { cause })
  }
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value !== '')
  return { ...parseEnv(text), ...Object.fromEntries(given) }
}

/** Writes a file that only its owner may read. Throws StartFault when there is one already: nothing is overwritten. */
export async function writeNewSecretFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw new StartFault(
      exists
        ? `there is a file ${path} already, and its secrets may be in use. Nothing was changed. Take another file with --output, or move it away first.`
        : `the file ${path} could not be written: ${cause instanceof Error ? cause.message : 'unknown'}`,
      { cause },
    )
  }
}
