/**
 * Edits that no other store has heard of yet. An entity's snapshot is written as a whole, so that of two devices that
 * edit it at the same time the later one wins; edits that are still pending here are made again on what won.
 */
import { type Area, areaIncludes, encodeAreaInArea, fullArea, readAreaInArea } from '../willow/area.ts'
import { createReader } from '../willow/wire.ts'
import { entityWillowPath } from '../leaf/entity-path.ts'
import { equalBytes } from '../willow/path.ts'
import { type EditStep, shorten, stepsFromText, stepsToText } from './edits.ts'
import type { Notes } from './notes.ts'
import { type Place, placeName } from './place.ts'
import { fromHex, toHex } from './text.ts'

export interface PendingEdit {
  readonly steps: readonly EditStep[]
  /** Of the entry that has them; others have heard of everything up to an arrival number. */
  readonly arrival: number
  /** The same entry's. */
  readonly timestamp: bigint
  /** When it was written here, in milliseconds since 1970. */
  readonly writtenMs: number
  /** How often they were made again. */
  readonly again: number
}

export interface SyncedArea {
  readonly namespace: Uint8Array
  readonly area: Area
}

export interface Pending {
  /** What a state that comes now may not know of; undefined: nothing. */
  at(place: Place): Promise<PendingEdit | undefined>
  /** What to keep in the step that writes the entry; `written` follows it. */
  note(place: Place, edit: PendingEdit | undefined): readonly [name: string, value: string]
  /** The entry has been written, with the note. */
  written(place: Place, edit: PendingEdit | undefined): void
  /** The edit that is pending once these steps are added. */
  withSteps(
    before: PendingEdit | undefined,
    steps: readonly EditStep[],
    written: Pick<PendingEdit, 'arrival' | 'timestamp'>,
  ): PendingEdit
  /** The same after it was made again. */
  madeAgain(
    before: PendingEdit,
    steps: readonly EditStep[],
    written: Pick<PendingEdit, 'arrival' | 'timestamp'>,
  ): PendingEdit
  /** Somebody else has everything of these areas up to an arrival number: remembered before it resolves. */
  told(areas: readonly SyncedArea[], arrival: number): Promise<void>
}

/**
 * A state that comes so shortly after an edit was written here may not know of it, although a server did: two devices that
 * write at once tell the server at once, and its newer state is all that it passes on.
 */
const atOnceMs = 5_000
/** Edits that are remembered without asking the store. */
const rememberedMax = 10_000
/** Areas whose progress is remembered. */
const toldMax = 256

interface Told {
  readonly synced: SyncedArea
  readonly arrival: number
}

/** Loads what was kept. */
export async function openPending(notes: Notes, now: () => number): Promise<Pending> {
  const remembered = new Map<string, PendingEdit | undefined>()
  const told = toldFromText((await notes.load('told')) ?? '')
  const noteOf = (place: Place) => `pending.${toHex(place.namespace)}.${hexName(place)}`
  const load = async (place: Place): Promise<PendingEdit | undefined> => {
    const note = noteOf(place)
    if (remembered.has(note)) return remembered.get(note)
    const [first = '', ...rest] = ((await notes.load(note)) ?? '').split(' ')
    const [arrival, again, timestamp, writtenMs] = first.split(',')
    const steps = stepsFromText(rest.join(' '))
    const edit =
      timestamp === undefined || writtenMs === undefined || steps.length === 0
        ? undefined
        : {
            steps,
            arrival: Number(arrival),
            again: Number(again),
            timestamp: BigInt(timestamp),
            writtenMs: Number(writtenMs),
          }
    remember(note, edit)
    return edit
  }
  const remember = (note: string, edit: PendingEdit | undefined) => {
    const oldest = remembered.size >= rememberedMax ? remembered.keys().next().value : undefined
    if (oldest !== undefined) remembered.delete(oldest)
    remembered.set(note, edit)
  }
  const isTold = ({ namespace, subspace, path }: Place, { timestamp, arrival }: PendingEdit) =>
    told.some(
      one =>
        one.arrival >= arrival &&
        equalBytes(one.synced.namespace, namespace) &&
        areaIncludes(one.synced.area, { subspace, path: entityWillowPath(path), timestamp }),
    )
  return {
    at: async place => {
      const edit = await load(place)
      if (edit === undefined || now() < edit.writtenMs + atOnceMs) return edit
      return isTold(place, edit) ? undefined : edit
    },
    note: (place, edit) => [
      noteOf(place),
      edit === undefined
        ? ''
        : `${edit.arrival},${edit.again},${edit.timestamp},${edit.writtenMs} ${stepsToText(edit.steps)}`,
    ],
    written: (place, edit) => remember(noteOf(place), edit),
    withSteps: (before, steps, { arrival, timestamp }) => ({
      steps: shorten([...(before?.steps ?? []), ...steps]),
      arrival,
      timestamp,
      writtenMs: now(),
      again: 0,
    }),
    madeAgain: (before, steps, { arrival, timestamp }) => ({
      steps,
      arrival,
      timestamp,
      // What it was made again on was written later than this edit: the time in which others may not know of it begins anew.
      writtenMs: now(),
      again: before.again + 1,
    }),
    told: async (areas, arrival) => {
      for (const synced of areas) {
        const same = told.findIndex(one => sameArea(one.synced, synced))
        if (same >= 0) told.splice(same, 1)
        told.push({ synced, arrival })
      }
      if (told.length > toldMax) told.splice(0, told.length - toldMax)
      await notes.save('told', told.map(toldToText).join(' '))
    },
  }
}

function hexName(place: Place): string {
  return toHex(Uint8Array.from(placeName(place), char => char.charCodeAt(0)))
}

function sameArea(a: SyncedArea, b: SyncedArea): boolean {
  return (
    equalBytes(a.namespace, b.namespace) &&
    equalBytes(encodeAreaInArea(a.area, fullArea), encodeAreaInArea(b.area, fullArea))
  )
}

function toldToText({ synced, arrival }: Told): string {
  return `${toHex(synced.namespace)}:${toHex(encodeAreaInArea(synced.area, fullArea))}:${arrival}`
}

function toldFromText(text: string): Told[] {
  return text.split(' ').flatMap(word => {
    const [namespace, area, arrival] = word.split(':')
    const [bytes, encoded] = [fromHex(namespace ?? ''), fromHex(area ?? '')]
    if (bytes?.length !== 32 || encoded === undefined || arrival === undefined) return []
    const synced = { namespace: bytes, area: readAreaInArea(createReader(encoded), fullArea) }
    return [{ synced, arrival: Number(arrival) }]
  })
}
