/** What the writing methods have in common. */
import type { Database } from '../../../../kernel/storage/database.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import type { Repositories, WriteAnswer } from '../../../repo/acts.ts'
import { ownRepo } from '../../../repo/reading.ts'
import type { RateCharge } from '../../method.ts'
import { refuse } from '../../refuse.ts'

export interface WriteDependencies {
  readonly database: Pick<Database, 'read'>
  readonly repositories: Pick<Repositories, 'write'>
  /** Bytes of a body that carries records. */
  readonly writeBytesMax: number
}

/** What a write costs, in points: the reference's tariff. */
export const writePoints = { create: 3, update: 2, delete: 1 } as const

/** Charges a fixed number of points to the caller's writes. */
export function writeCharge(points: number): RateCharge<unknown> {
  return { class: 'write', points: () => points }
}

/** The DID of the repo that the caller names, which must be her own. */
export function callersRepo(
  database: Pick<Database, 'read'>,
  repo: string,
  credentials: Credentials,
): Promise<string> {
  if (credentials.kind !== 'session') throw refuse('AuthMissing', 'Authentication Required')
  return ownRepo(database, repo, credentials.did)
}

/** `{commit}` as it stands in answers; nothing when nothing changed. */
export function commitOf({ commit }: WriteAnswer): { commit?: { cid: string; rev: string } } {
  return commit === undefined ? {} : { commit }
}
