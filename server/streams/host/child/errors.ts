/** What goes wrong in a host, by who must hear of it. */

/** Upstream's text of an error in a module's SQL. */
export function sqlErrorText(error: unknown): string {
  return moduleErrorText(`SQLite failure: \`${messageOf(error)}\``)
}

/** Upstream's text of an error in the use of a module. */
export const moduleErrorText = (what: string) => `Error while running stream module: ${what}`

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** A text that reaches the caller as it is. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
}

/** Another process moved a target on since it was opened here. */
export class Moved extends Error {
  override readonly name = 'Moved'
}

/** SQLite's primary result code; undefined for an error of another kind. */
export function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

const busy = 5
const locked = 6
const ioFailed = 10
const corrupt = 11
const cannotOpen = 14
const notADatabase = 26

/** The files are at fault, not the module: wait for another host's lock, or build the derived ones anew. */
export function faultOfFiles(error: unknown): 'retry' | 'reset' | undefined {
  const code = resultCode(error)
  if (code === busy || code === locked || code === ioFailed || code === cannotOpen) return 'retry'
  return code === corrupt || code === notADatabase ? 'reset' : undefined
}
