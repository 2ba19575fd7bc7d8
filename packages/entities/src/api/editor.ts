/** Edits and deletions of entities, and edits made again on what others wrote at the same time. */
import { contentWillowPath, entityWillowPath, prefixOf } from '../leaf/entity-path.ts'
import { componentsMax, decodeSnapshot, encodeSnapshot, idOf, type ObjectId } from '../leaf/objects.ts'
import type { EntryStore } from '../store/contract.ts'
import { nameOf } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import { createDraft, type Draft, type FinishedDraft } from './draft.ts'
import { applySteps, type EditStep, type Known, sameIds, shorten, withCleared, yielding } from './edits.ts'
import { LeafError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Lanes } from './lanes.ts'
import type { Library, LibraryObject } from './library.ts'
import type { Notes } from './notes.ts'
import type { Pending } from './pending.ts'
import type { Place } from './place.ts'
import type { EntityState, Reader } from './reader.ts'
import { fromHex, toHex } from './text.ts'
import type { EntityView } from './view.ts'
import type { Writer, Writing } from './writer.ts'

export interface Edited {
  /** Of the state after the edit. */
  readonly snapshotId: ObjectId
}

export interface Editor {
  edit(
    place: Place,
    change: (draft: Draft) => void | Promise<void>,
    as: Identity | undefined,
  ): Promise<Edited>
  delete(place: Place, as: Identity | undefined): Promise<void>
  /** Makes pending edits again on a state that somebody else wrote. False: its components have not all arrived. */
  reapply(place: Place, theirs: TheirState): Promise<boolean>
  /** Puts objects into the library of the place's subspace, where they are not yet. */
  publish(place: Place, objects: readonly LibraryObject[], as: Identity | undefined): Promise<void>
  /** Prunes everything at and below a path. */
  deleteTree(place: Place, as: Identity | undefined): Promise<void>
}

/** A state that somebody else wrote. */
export interface TheirState {
  readonly snapshot: Uint8Array
  /** Whether it is the one that stands now, because it is newer than ours. */
  readonly stands: boolean
}

export interface EditorDependencies {
  readonly store: EntryStore
  readonly reader: Reader
  readonly writer: Writer
  readonly library: Library
  readonly pending: Pending
  readonly notes: Notes
  readonly lanes: Lanes
  readonly random: (length: number) => Uint8Array
  /** As a timestamp of Willow. */
  readonly now: () => bigint
}

/** How often an edit is made again before what others wrote is left as it is. */
const againMax = 8

export function createEditor(deps: EditorDependencies): Editor {
  const { store, reader, writer, library, pending } = deps
  const lane = <T>(place: Place, work: () => Promise<T>) =>
    deps.lanes(nameOf(place.namespace) + nameOf(place.subspace), work)

  /** What was encrypted here for others: nobody could tell its kind otherwise. */
  const sealedSchema = async (id: ObjectId) => fromHex((await deps.notes.load(`sealed.${toHex(id)}`)) ?? '')
  const known = async (ids: readonly ObjectId[], view: EntityView | undefined): Promise<readonly Known[]> => {
    const schemas = new Map(view?.open.map(({ id, schema }) => [nameOf(id), schema]))
    return Promise.all(
      ids.map(async id => {
        const schema = schemas.get(nameOf(id)) ?? (await sealedSchema(id))
        return { id, schema: schema?.length === 32 ? schema : undefined }
      }),
    )
  }

  const idsOf = (state: EntityState): readonly ObjectId[] => {
    if (state.kind === 'none' || state.kind === 'deleted') return []
    if (state.kind === 'foreign')
      throw new LeafError('SchemaMismatch', 'expected an entity at this path, got something else')
    if (state.ids === undefined)
      throw new LeafError('Incomplete', 'the state of this entity has not arrived yet; edit it when it has')
    return state.ids
  }

  /** Bytes to write beside the entity. */
  const contentsOf = async (place: Place, finished: FinishedDraft, steps: readonly EditStep[]) => {
    const kept = new Set(steps.flatMap(step => (step.kind === 'add' ? [nameOf(step.id)] : [])))
    const outdated = finished.steps.flatMap(step => (step.kind === 'add' ? [nameOf(step.id)] : []))
    const superseded = new Set(outdated.filter(name => !kept.has(name)))
    const contents = new Map<string, Uint8Array>()
    for (const object of finished.objects) {
      const name = nameOf(idOf(object))
      if (!superseded.has(name)) contents.set(name, object)
    }
    const pinned = await reader.objects(finished.pins)
    for (const [index, id] of finished.pins.entries()) {
      const bytes = pinned[index]
      if (bytes === undefined) throw new LeafError('Incomplete', 'a state that is to be kept is not all here')
      contents.set(nameOf(id), bytes)
    }
    return [...contents.values()].map(
      (payload): Writing => ({ path: contentWillowPath(place.path, idOf(payload)), payload, content: true }),
    )
  }

  const edit = async (
    place: Place,
    change: (draft: Draft) => void | Promise<void>,
    as: Identity | undefined,
  ): Promise<Edited> => {
    const state = await reader.entity(place)
    const ids = idsOf(state)
    const before = state.kind === 'ready' ? state.view : undefined
    const { draft, finish } = createDraft({ before, random: deps.random })
    await change(draft)
    const finished = finish()
    const held = await known(ids, before)
    const steps = withCleared(held, shorten(finished.steps))
    const after = applySteps(held, steps)
    if (after.length > componentsMax)
      throw new LeafError('TooLarge', `expected at most ${componentsMax} components, got ${after.length}`)
    const snapshot = encodeSnapshot(after.map(({ id }) => id))
    const snapshotId = idOf(snapshot)
    const there = new Set(before === undefined ? [] : ids.map(nameOf))
    const contents = (await contentsOf(place, finished, steps)).filter(
      ({ payload }) => !there.has(nameOf(idOf(payload))),
    )
    const stands = 'ids' in state && equalBytes(state.entry.entry.digest, snapshotId)
    if (stands && contents.length === 0) return { snapshotId }
    const objects = libraryObjects(finished)
    const beside = await library.writingsFor(place, objects, as)
    const waiting = await pending.at(place)
    const soon = { arrival: (await store.lastArrival()) + 1, timestamp: deps.now() }
    const notes = new Map([
      ...finished.sealed.map(({ id, schema }) => [`sealed.${toHex(id)}`, toHex(schema)] as const),
      pending.note(place, pending.withSteps(waiting, steps, soon)),
    ])
    const written = await writer.write({
      ...place,
      as,
      notes,
      items: [
        ...beside,
        ...contents,
        { path: entityWillowPath(place.path), payload: snapshot, content: false },
      ],
    })
    pending.written(place, pending.withSteps(waiting, steps, written))
    library.written(place, objects)
    return { snapshotId }
  }

  const reapply = async (place: Place, theirs: TheirState): Promise<boolean> => {
    const waiting = await pending.at(place)
    if (waiting === undefined || waiting.again >= againMax) return true
    const state = await reader.entity(place)
    // Deleted since, by somebody who is newer.
    if (state.kind !== 'ready' && state.kind !== 'incomplete') return true
    const view = await reader.stateOf(theirs.snapshot)
    if (view === undefined) return false
    const ours = await stillHere(reader, waiting.steps)
    const held = await known(decodeSnapshot(theirs.snapshot), view)
    const steps = theirs.stands ? yielding(held, ours) : ours
    const snapshot = encodeSnapshot(applySteps(held, steps).map(({ id }) => id))
    if (state.ids !== undefined && sameIds(decodeSnapshot(snapshot), state.ids)) return true
    const soon = { arrival: (await store.lastArrival()) + 1, timestamp: deps.now() }
    const written = await writer.write({
      ...place,
      as: undefined,
      notes: new Map([pending.note(place, pending.madeAgain(waiting, steps, soon))]),
      items: [{ path: entityWillowPath(place.path), payload: snapshot, content: false }],
    })
    pending.written(place, pending.madeAgain(waiting, steps, written))
    return true
  }

  const leave = async (place: Place, path: readonly Uint8Array[], as: Identity | undefined) => {
    const payload = new Uint8Array()
    const notes = new Map([pending.note(place, undefined)])
    await writer.write({ ...place, as, notes, items: [{ path, payload, content: false }] })
    pending.written(place, undefined)
  }
  return {
    edit: (place, change, as) => lane(place, () => edit(place, change, as)),
    reapply: (place, theirs) => lane(place, () => reapply(place, theirs)),
    delete: (place, as) => lane(place, () => leave(place, entityWillowPath(place.path), as)),
    publish: (place, objects, as) =>
      lane(place, async () => {
        const items = await library.writingsFor(place, objects, as)
        if (items.length > 0) await writer.write({ ...place, as, items })
        library.written(place, objects)
      }),
    deleteTree: (place, as) => lane(place, () => leave(place, prefixOf(place.path), as)),
  }
}

/** An edit that a crash has cut off before its components were stored is not made again. */
async function stillHere(reader: Reader, steps: readonly EditStep[]): Promise<readonly EditStep[]> {
  const ids = steps.flatMap(step => (step.kind === 'add' ? [step.id] : []))
  const here = await reader.objects(ids)
  return here.every(bytes => bytes !== undefined) ? steps : []
}

function libraryObjects(finished: FinishedDraft): readonly LibraryObject[] {
  return [
    ...finished.kinds.map(({ id, objects }): LibraryObject => ({ id, role: 'Schema', objects })),
    ...finished.algorithms.map(({ id, objects }): LibraryObject => ({ id, role: 'Algorithm', objects })),
  ]
}
