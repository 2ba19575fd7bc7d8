import { refuse } from '../../refuse.ts'

/** The account's id that a cursor of ours stands for; 0 for none. Throws InvalidRequest for another cursor. */
export function readCursor(cursor: string | undefined): number {
  if (cursor === undefined || cursor === '') return 0
  if (!/^\d{1,15}$/.test(cursor)) throw refuse('InvalidRequest', 'Malformed cursor')
  return Number(cursor)
}
