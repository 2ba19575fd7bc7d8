/** What callers are told of what went wrong in a host. */
import { Refusal } from '../../kernel/errors.ts'
import { Crashed, Overdue } from './job.ts'
import { CatchUpFault, ModuleFault } from './targets.ts'

const prefix = 'Error while running stream module: '

/** An error as the contract has it, with upstream's text where it has one; `what` was asked. */
export function refusalOf(error: unknown, what: string): unknown {
  if (error instanceof ModuleFault) return new Refusal('invalid', error.message, { cause: error })
  if (error instanceof CatchUpFault) {
    const text =
      what === 'batch'
        ? 'error catching up module'
        : `Module is currently in an error state: ${error.message}`
    return new Refusal('invalid', prefix + text, { cause: error })
  }
  if (error instanceof Overdue)
    return new Refusal('invalid', `${prefix}it ran longer than ${error.deadlineMs} ms and was stopped`, {
      cause: error,
    })
  if (error instanceof Crashed)
    return new Refusal('invalid', `${prefix}it took more memory than it may and was stopped`, {
      cause: error,
    })
  return error
}
