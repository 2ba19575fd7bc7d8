/** Invite codes: `<host>-xxxxx-xxxxx`, each good for some accounts. */
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { deleteInvite, insertInvite, type InviteRow, listInvites } from '../database/invites.ts'
import { refuse } from '../xrpc/refuse.ts'
import { randomWord } from './random-word.ts'

/** Codes that are listed, and accounts that one code is good for, at most. */
export const invitesListedMax = 1_000
const usesMax = 10_000

/** The operator's invite codes. */
export interface Invites {
  /** A new code. Throws InvalidRequest for a number of uses out of bounds. */
  create(wish: { readonly uses: number; readonly createdBy: string }): Promise<InviteRow>
  /** Newest first. */
  list(): Promise<readonly InviteRow[]>
  /** Whether there was such a code. */
  revoke(code: string): Promise<boolean>
}

export interface InvitesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  /** Begins every code, so that one sees where it belongs. */
  readonly hostname: string
}

/** Makes, lists and revokes invite codes. */
export function createInvites({ database, clock, random, hostname }: InvitesDeps): Invites {
  const prefix = hostname
    .replace(/:\d+$/, '')
    .replaceAll(/[^a-z0-9]+/gi, '-')
    .toLowerCase()
  return {
    create: async ({ uses, createdBy }) => {
      if (!Number.isInteger(uses) || uses < 1 || uses > usesMax) {
        throw refuse('InvalidRequest', `expected 1 to ${usesMax} uses, got ${uses}`)
      }
      const code = `${prefix}-${randomWord(random)}`
      const row = { code, usesLeft: uses, createdBy, createdAt: clock.now() }
      await database.write(tx => insertInvite(tx, row))
      return row
    },
    list: () => database.read(tx => listInvites(tx, invitesListedMax)),
    revoke: code => database.write(tx => deleteInvite(tx, code)),
  }
}
