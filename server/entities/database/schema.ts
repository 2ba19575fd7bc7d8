/** The tables of entities. */
import { schemaOf } from '@leaf/entities/store/sql'
import type { Migration } from '../../kernel/storage/database.ts'

/** Before the names of the tables that the store of the library makes. */
export const storePrefix = 'entities_'

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'entries, members, what is public',
    sql: `${schemaOf(storePrefix)}
      CREATE TABLE entities_blob (
        digest BYTEA NOT NULL PRIMARY KEY,
        ref TEXT COLLATE "C" NOT NULL
      );
      CREATE UNIQUE INDEX entities_blob_ref ON entities_blob (ref);
      CREATE TABLE entities_server_key (
        id INTEGER NOT NULL PRIMARY KEY,
        public_key BYTEA NOT NULL,
        sealed BYTEA NOT NULL,
        created_at BIGINT NOT NULL
      );
      CREATE TABLE entities_member (
        subspace BYTEA NOT NULL PRIMARY KEY,
        did TEXT COLLATE "C" NOT NULL,
        namespace BYTEA NOT NULL,
        linked_at BIGINT NOT NULL,
        removed_at BIGINT
      );
      CREATE INDEX entities_member_did ON entities_member (did);
      CREATE TABLE entities_public (
        namespace BYTEA NOT NULL,
        subspace BYTEA NOT NULL,
        area BYTEA NOT NULL,
        capability BYTEA NOT NULL,
        is_public INTEGER NOT NULL,
        stated_at BIGINT NOT NULL,
        PRIMARY KEY (namespace, subspace, area)
      );`,
  },
]
