/** What a backup needs to know of a stream, read from the house database as it is at one moment. */
import { Refusal } from '../../kernel/errors.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { isDeleted } from '../database/deleted.ts'
import { readStateEvents } from '../database/state-events.ts'
import {
  frozenForImport,
  ownersOf,
  sealedKeyOf,
  streamByDid,
  type StreamRecord,
} from '../database/streams.ts'
import type { StateEvent } from '../host/contract.ts'
import { noSuchStream, streamDeleted } from '../stream/texts.ts'
import type { Metadata } from './metadata.ts'
import type { StatePosition } from './state-file.ts'

export interface Facts {
  readonly record: StreamRecord
  readonly owners: readonly string[]
  readonly sealedKey: Uint8Array | undefined
}

/** Throws Refusal `missing`, and `unavailable` while the stream is being brought in. */
export function readFacts(database: Pick<Database, 'read'>, did: string): Promise<Facts> {
  return database.read(tx => factsIn(tx, did))
}

async function factsIn(tx: ReadTx, did: string): Promise<Facts> {
  const record = await streamByDid(tx, did)
  if (record === undefined) throw (await isDeleted(tx, did)) ? streamDeleted(did) : noSuchStream(did)
  if (record.frozen === frozenForImport) {
    throw new Refusal('unavailable', `${did} is not all here: bringing it in was cut off`)
  }
  const others = (await ownersOf(tx, record.id)).filter(owner => owner !== record.payer)
  return { record, owners: [record.payer, ...others], sealedKey: await sealedKeyOf(tx, record.id) }
}

/** The same, together with the journal's entries after `seq`. */
export function readFactsAndJournal(
  database: Pick<Database, 'read'>,
  did: string,
  seqOf: (record: StreamRecord) => number,
): Promise<{ readonly facts: Facts; readonly journal: readonly StateEvent[] }> {
  return database.read(async tx => {
    const facts = await factsIn(tx, did)
    const { id, stateHead } = facts.record
    const journal: StateEvent[] = []
    for (let after = seqOf(facts.record); after < stateHead; ) {
      const page = await readStateEvents(tx, id, { after, itemsMax: pageItems, bytesMax: pageBytes })
      journal.push(...page)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.seq
    }
    return { facts, journal }
  })
}

const pageItems = 1000
const pageBytes = 4 * 1024 * 1024

/** As they stand in a backup whose state is at `state`. */
export function metadataOf({ record, owners, sealedKey }: Facts, state: StatePosition | undefined): Metadata {
  return {
    did: record.did,
    owners,
    moduleCid: record.module,
    key: sealedKey === undefined ? null : { sealed: sealedKey },
    clientStamp: record.clientStamp,
    handle: record.handle,
    frozen: record.frozen !== 0,
    createdAt: record.createdAt,
    log: { head: record.head, headHash: record.headHash },
    stateHead: record.stateHead,
    state,
  }
}
