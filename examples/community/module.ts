/**
 * A community in one module: a space with rooms, members, admins, roles, invites, messages and reads. It is meant to be
 * read, copied and changed.
 */
import { defineModule } from '@leaf/streams/define-module'
import { authorizer } from './sql/authorizer.ts'
import { materializer, stateMaterializer } from './sql/materializer.ts'
import { queries } from './sql/queries.ts'
import { initSql, stateInitSql } from './sql/tables.ts'

export const community = defineModule({
  initSql,
  authorizer,
  materializer,
  stateInitSql,
  stateMaterializer,
  queries,
})
