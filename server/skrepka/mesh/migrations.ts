/** The mesh's tables; the second step of the relay's sequence of migrations. */
import type { Migration } from '../../kernel/storage/database.ts'

const tables = `
-- Who is online where. server '' is this relay: a change of its name loses nobody.
CREATE TABLE skrepka_presence (
  server TEXT COLLATE "C" NOT NULL,
  mailbox_key BYTEA NOT NULL,                  -- 32 bytes
  expires_at BIGINT NOT NULL,                  -- milliseconds since the epoch, as everywhere
  staged BIGINT NOT NULL DEFAULT 0,            -- the last number of this key's mailbox that was looked at for this server
  behind BIGINT NOT NULL DEFAULT 0,            -- 1: there was no room for more; looked at again when there is
  proof_at BIGINT,                             -- NULL: no proof
  challenge TEXT,
  r TEXT,
  signature TEXT,
  bound_host TEXT,
  PRIMARY KEY (server, mailbox_key)
);
CREATE INDEX skrepka_presence_key ON skrepka_presence (mailbox_key);
CREATE INDEX skrepka_presence_expires ON skrepka_presence (expires_at);
CREATE INDEX skrepka_presence_behind ON skrepka_presence (server) WHERE behind = 1;

-- Mail that goes to peers (state 0), that they took (1), refused for good (2), or that rests until its recipient is
-- announced again (3). Gone when the mail itself is.
CREATE TABLE skrepka_forward (
  server TEXT COLLATE "C" NOT NULL,
  box BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  seq BIGINT NOT NULL,
  mailbox_key BYTEA NOT NULL,
  bytes BIGINT NOT NULL,
  state BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  at BIGINT NOT NULL,                          -- state 0: not before; else since
  proven BIGINT NOT NULL,                      -- whether a proof stood when it was taken
  PRIMARY KEY (server, box, hash)
);
CREATE INDEX skrepka_forward_pending ON skrepka_forward (server, box, seq) WHERE state = 0;
CREATE INDEX skrepka_forward_message ON skrepka_forward (box, seq);
CREATE INDEX skrepka_forward_taken ON skrepka_forward (at) WHERE state = 1 AND proven = 1;

-- Relays that are told who is online here, or were heard of.
CREATE TABLE skrepka_peer (
  server TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  heard_at BIGINT NOT NULL,
  proven_at BIGINT,                            -- when a proof last showed that somebody logged in there
  reached_at BIGINT,                           -- when a call back last found a relay there
  features TEXT NOT NULL DEFAULT ''            -- blank-separated, of its /.well-known/skrepka-relay
);
`

/** Migrations of the mesh, from version 2. */
export const meshMigrations: readonly Migration[] = [{ version: 2, name: 'mesh', sql: tables }]
