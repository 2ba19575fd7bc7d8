import { accessSync, constants, mkdirSync } from 'node:fs'
import { StartFault } from '../lifecycle.ts'

/** Makes the data folder, for this user's eyes alone. Throws StartFault with a sentence when it cannot be used. */
export function openDataFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw new StartFault(`the data folder ${path} cannot be used (${reason}); LEAF_DATA_DIR names another`, {
      cause,
    })
  }
}
