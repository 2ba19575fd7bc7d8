/** The module of the home page's stream: a guestbook, as small as a module can be and still have a rule. */
import { defineModule } from '@leaf/streams/define-module'

export const lineCharsMax = 280

export const guestbook = defineModule({
  initSql: `create table if not exists lines (
      idx integer primary key,
      author text not null,
      line text not null
    ) strict;`,
  // Runs before an event is stored, and may refuse it.
  authorizer: `select unauthorized('a line of 1 to ${lineCharsMax} characters')
      from event
      where drisl_extract(payload, '.$type') is not 'guestbook.line'
         or length(coalesce(drisl_extract(payload, '.line'), '')) not between 1 and ${lineCharsMax};`,
  // Runs for every event that was stored.
  materializer: `insert into lines (idx, author, line)
      select idx, user, drisl_extract(payload, '.line') from event;`,
  queries: {
    lines: {
      sql: `select idx, author, line from lines
        where idx >= $start and idx < $start + $limit
        order by idx;`,
      row: { idx: 'integer', author: 'text', line: 'text' },
    },
  },
  publicLog: true,
})
