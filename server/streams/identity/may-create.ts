/** Who may create streams and upload modules. */
import { Refusal } from '../../kernel/errors.ts'
import type { Caller } from '../stream/contract.ts'

export interface MayCreate {
  /** Throws Refusal `forbidden` for a caller who may not create a stream. */
  checkMayCreate(caller: Caller & { readonly did: string }): Promise<void>
  /** Throws Refusal `forbidden` for a caller who may not upload a module: who neither may create nor has a stream. */
  checkMayUpload(caller: Caller & { readonly did: string }): Promise<void>
}

export function createMayCreate(deps: {
  readonly open: boolean
  readonly allow: readonly string[]
  readonly block: readonly string[]
  readonly moduleAdmins: readonly string[]
  readonly isMember: (did: string) => Promise<boolean>
  readonly ownsStream: (did: string) => Promise<boolean>
}): MayCreate {
  const allow = new Set(deps.allow)
  const block = new Set(deps.block)
  const moduleAdmins = new Set(deps.moduleAdmins)
  const checkNotBlocked = (did: string) => {
    if (block.has(did)) throw new Refusal('forbidden', 'This server does not take streams of yours')
  }
  const mayCreate = async ({ did, unsafe }: Caller & { readonly did: string }) =>
    deps.open || unsafe || allow.has(did) || (await deps.isMember(did))
  return {
    checkMayCreate: async caller => {
      checkNotBlocked(caller.did)
      if (await mayCreate(caller)) return
      throw new Refusal('forbidden', 'Only members of this server can create streams')
    },
    checkMayUpload: async caller => {
      checkNotBlocked(caller.did)
      if (moduleAdmins.has(caller.did) || (await mayCreate(caller)) || (await deps.ownsStream(caller.did)))
        return
      throw new Refusal('forbidden', 'Only members of this server can upload modules')
    },
  }
}
