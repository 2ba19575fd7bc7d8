/** Builds a module beside what serves, chunk by chunk. */
import { Refusal } from '../../kernel/errors.ts'
import type { BuildProgress } from './contract.ts'
import { type Asked, CatchUpFault, isBehind, ModuleFault, type Targets } from './targets.ts'

/** Resolves at the head. Throws ModuleFault with upstream's text when the module refuses an event of the log. */
export async function buildModule(
  targets: Targets,
  asked: Asked,
  signal: AbortSignal,
  onProgress: ((progress: BuildProgress) => void) | undefined,
): Promise<void> {
  let at = await targets.openForBuild(asked)
  onProgress?.({ applied: at.module, head: asked.head })
  while (isBehind(asked, at)) {
    if (signal.aborted)
      throw new Refusal('unavailable', 'the build was interrupted', { cause: signal.reason })
    try {
      at = await targets.stepOfBuild(asked, at)
    } catch (error) {
      if (!(error instanceof CatchUpFault)) throw error
      throw new ModuleFault(
        `Error while running stream module: SQLite failure: \`${error.message}\` (after event ${error.module})`,
        { cause: error },
      )
    }
    onProgress?.({ applied: at.module, head: asked.head })
  }
}
