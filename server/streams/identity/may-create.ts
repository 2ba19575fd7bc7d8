/** Who may create streams and upload modules. */
import { Refusal } from '../../kernel/errors.ts'
import type { Caller } from '../stream/contract.ts'

export interface MayCreate {
  /** Throws Refusal `forbidden` for a caller who may not create a stream. */
  checkMayCreate(caller: Caller & { readonly did: string }): Promise<void>
  /** Throws Refusal `forbidden` for somebody on the blocklist. */
  checkNotBlocked(did: string): void
}

export function createMayCreate(deps: {
  readonly open: boolean
  readonly allow: readonly string[]
  readonly block: readonly string[]
  readonly isMember: (did: string) => Promise<boolean>
}): MayCreate {
  const allow = new Set(deps.allow)
  const block = new Set(deps.block)
  const checkNotBlocked = (did: string) => {
    if (block.has(did)) throw new Refusal('forbidden', 'This server does not take streams of yours')
  }
  return {
    checkNotBlocked,
    checkMayCreate: async ({ did, unsafe }) => {
      checkNotBlocked(did)
      if (deps.open || unsafe || allow.has(did) || (await deps.isMember(did))) return
      throw new Refusal('forbidden', 'Only members of this server can create streams')
    },
  }
}
