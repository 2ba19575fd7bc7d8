import { DatabaseSync } from 'node:sqlite'
import { countText, type Extent, type Figure, withRelay } from './scenarios.ts'

/** A relay that is started again with much mail in its database. */
export async function restart({ pending }: Extent): Promise<Figure[]> {
  return withRelay({}, async ({ leaf }) => {
    await leaf.stop()
    fill(`${leaf.dataFolder}/leaf.db`, pending)
    await leaf.start()
    return [
      {
        name: `restart with ${countText(pending)} messages that wait`,
        text: `${Math.round(leaf.startMs())} ms until it answers`,
        goal: '≤ 3,000 ms',
      },
    ]
  })
}

const boxes = 10_000

/** By SQL, as sending a million takes a minute. */
function fill(path: string, count: number): void {
  const database = new DatabaseSync(path)
  const nowMs = Date.now()
  const numbers = (upTo: string) =>
    `WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ${upTo})`
  const boxOf = `n % ${boxes} + 1`
  database.exec(`
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = MEMORY;
    BEGIN;
    ${numbers(String(boxes))}
      INSERT INTO skrepka_mailbox (id, mailbox_key, last, acked, shift, bytes, count)
      SELECT n + 1, randomblob(32), ${nowMs} + ${count}, 0, 0, ${(512 * count) / boxes}, ${count / boxes} FROM number;
    ${numbers(String(count))}
      INSERT INTO skrepka_message (box, seq, hash, size, stored_at, sealed, blob)
      SELECT ${boxOf}, ${nowMs} + n, randomblob(32), 512, ${nowMs}, 0, randomblob(512) FROM number;
    INSERT INTO skrepka_seen (box, hash, expires_at)
      SELECT box, substr(hash, 1, 16), ${nowMs} + 2600000000 FROM skrepka_message;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);
  `)
  database.close()
}
