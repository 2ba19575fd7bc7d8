import type { Case } from './case.ts'
import { blobCases } from './tables-blobs.ts'
import { httpCases } from './tables-http.ts'
import { identityCases } from './tables-identity.ts'
import { createCases } from './tables-create.ts'
import { limitCases } from './tables-limits.ts'
import { mailCases } from './tables-mail.ts'
import { importCases, readCases } from './tables-repo.ts'
import { accountCases, inviteCases, serviceAuthCases, statusCases } from './tables-server.ts'
import { appPasswordCases, sessionCases } from './tables-session.ts'
import { syncCases } from './tables-sync.ts'
import { tokenCases } from './tables-tokens.ts'
import { applyCases, deleteCases, putCases } from './tables-write.ts'

/** All cases by subject, in the order in which they run: later ones use what earlier ones made. */
export const tables: ReadonlyMap<string, readonly Case[]> = new Map([
  ['accounts', accountCases],
  ['sessions', sessionCases],
  ['tokens', tokenCases],
  ['app passwords', appPasswordCases],
  ['service auth', serviceAuthCases],
  ['account status', statusCases],
  ['creating records', createCases],
  ['putting records', putCases],
  ['deleting records', deleteCases],
  ['many writes at once', applyCases],
  ['reading records', readCases],
  ['blobs', blobCases],
  ['identity', identityCases],
  ['sync', syncCases],
  ['import', importCases],
  ['mail, and the end of an account', mailCases],
  ['beneath the methods', httpCases],
])

/** Cases for servers that want an invite code. */
export const inviteTables: ReadonlyMap<string, readonly Case[]> = new Map([['invites', inviteCases]])

/** Cases for servers that count requests. */
export const limitTables: ReadonlyMap<string, readonly Case[]> = new Map([['rate limits', limitCases]])
