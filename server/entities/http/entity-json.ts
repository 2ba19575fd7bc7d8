/** An entity as JSON: its components with their values, and what their schemas mean. */
import { codecOf } from '@leaf/codec/borsh/schema'
import { decodeBorsh } from '@leaf/codec/borsh/codec'
import { MalformedError } from '@leaf/codec/errors'
import type { SchemaDescription } from '@leaf/entities/api/describe'
import type { EntityState } from '@leaf/entities/api/reader'
import type { LockedComponent, OpenComponent } from '@leaf/entities/api/view'
import type { Entry } from '@leaf/entities/willow/entry'
import { unixMsOf } from '@leaf/entities/willow/timestamp'
import { hexOf } from '../hex.ts'
import { pathToText } from '../path-text.ts'
import { type SubspaceView } from '../store/reading.ts'
import type { EntityPath } from '@leaf/entities/leaf/entity-path'
import { formatToJson, type Json, valueToJson } from './value-json.ts'

export interface DecodedComponent {
  readonly component: OpenComponent
  /** Undefined: its schema is not here. */
  readonly schema: SchemaDescription | undefined
  /** Undefined: without a schema, or not of its format. */
  readonly decoded: { readonly value: unknown } | undefined
}

/** A component with its schema; what is not of its schema's format has no value. */
export async function decodeComponent(
  view: SubspaceView,
  component: OpenComponent,
): Promise<DecodedComponent> {
  const schema = await view.describe(component.schema)
  return { component, schema, decoded: schema === undefined ? undefined : decodeAs(schema, component) }
}

function decodeAs({ format }: SchemaDescription, { data }: OpenComponent) {
  try {
    return { value: decodeBorsh(codecOf(format), data) }
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** The JSON of an entity that is ready, or of which something has not arrived yet. */
export async function entityToJson(
  view: SubspaceView,
  state: Extract<EntityState, { kind: 'ready' | 'incomplete' }>,
  path: EntityPath,
): Promise<Json> {
  const { entry } = state.entry
  const about = aboutEntry(entry, path)
  if (state.kind === 'incomplete') return { ...about, missing: state.missing.map(hexOf), components: [] }
  const open = await Promise.all(
    state.view.open.map(async one => openToJson(await decodeComponent(view, one))),
  )
  const locked = await Promise.all(state.view.locked.map(one => lockedToJson(view, one)))
  return { ...about, missing: [], components: [...open, ...locked] }
}

function aboutEntry(entry: Entry, path: EntityPath) {
  return {
    namespace: hexOf(entry.namespace),
    subspace: hexOf(entry.subspace),
    path: pathToText(path),
    time: new Date(Math.floor(unixMsOf(entry.timestamp))).toISOString(),
    timestamp: String(entry.timestamp),
    snapshot: hexOf(entry.digest),
  }
}

function openToJson({ component, schema, decoded }: DecodedComponent): Json {
  return {
    id: hexOf(component.id),
    schema:
      schema === undefined
        ? { id: hexOf(component.schema) }
        : {
            id: hexOf(component.schema),
            name: schema.name,
            format: formatToJson(schema.format),
            doc: schema.text,
          },
    ...(schema === undefined || decoded === undefined
      ? { data: Buffer.from(component.data).toString('base64') }
      : { value: valueToJson(schema.format, decoded.value) }),
  }
}

async function lockedToJson(view: SubspaceView, component: LockedComponent): Promise<Json> {
  const algorithm = await view.describeSpecified(component.algorithm)
  return {
    id: hexOf(component.id),
    locked: true,
    algorithm: {
      id: hexOf(component.algorithm),
      ...(algorithm === undefined ? {} : { name: algorithm.name }),
    },
    keyId: hexOf(component.keyId),
    bytes: component.bytes,
  }
}
