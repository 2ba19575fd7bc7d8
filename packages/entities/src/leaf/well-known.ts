/** Kinds of components that every application may share. Their ids never change: a change is a new kind. */
import { s } from '@leaf/codec/borsh/build'
import { type ComponentKind, defineComponent } from './define.ts'
import { utf8Schema, utf8SchemaId, encodeSchemaObject } from './objects.ts'

/** Text without a meaning of its own: what specifications are written in. */
export const Utf8: ComponentKind<string> = {
  name: utf8Schema.name,
  id: utf8SchemaId,
  schema: utf8Schema,
  doc: '',
  codec: s.string(),
  objects: [encodeSchemaObject(utf8Schema)],
}

export const Name = defineComponent('Name', s.string(), {
  doc: 'The name of the entity, as it is shown to people: one line, at most a few words. An entity has at most one.',
})

export const Description = defineComponent('Description', s.string(), {
  doc: 'A short description of the entity in plain text, shown beside or below its name. An entity has at most one.',
})

export const CommonMark = defineComponent('CommonMark', s.string(), {
  doc: 'The main text of the entity, in CommonMark (https://spec.commonmark.org). Raw HTML in it is shown as text, never run. An entity has at most one.',
})

export const CreatedAt = defineComponent('CreatedAt', s.i64(), {
  doc: 'When the entity was made, by its author: milliseconds since 1970-01-01T00:00:00 UTC. An entity has at most one.',
})

export const UpdatedAt = defineComponent('UpdatedAt', s.i64(), {
  doc: 'When the entity was last changed in a way that its readers should know, by its author: milliseconds since 1970-01-01T00:00:00 UTC. An entity has at most one.',
})

export const ReplyTo = defineComponent('ReplyTo', s.link(), {
  doc: 'The entity that this one answers. With the snapshot in the link it is said which state of it was answered. An entity has at most one.',
})

export const Embed = defineComponent('Embed', s.link(), {
  doc: 'An entity that is shown as a part of this one. An entity may have several; their order has no meaning.',
})

export const Tags = defineComponent('Tags', s.set(s.string()), {
  doc: 'Words under which the entity is to be found: lower case, without a leading #. An entity has at most one set of them.',
})

export const WebLinks = defineComponent(
  'WebLinks',
  s.vector(s.struct({ label: s.option(s.string()), url: s.string() })),
  {
    doc: 'Addresses on the web that belong to the entity, in the order in which they are shown. url is an absolute URL of scheme http, https or mailto; label is what is shown instead of it.',
  },
)

export const Image = defineComponent(
  'Image',
  s.struct({
    mime: s.string(),
    size: s.option(s.struct({ width: s.u32(), height: s.u32() })),
    alt: s.string(),
    data: s.blob(),
  }),
  {
    doc: 'A picture. mime is its media type, one of image/png, image/jpeg, image/gif, image/webp, image/avif; size is in pixels; alt says in words what is to be seen, and is empty for a decoration; data is the file. An entity may have several; their order has no meaning.',
  },
)

export const File = defineComponent(
  'File',
  s.struct({ name: s.string(), mime: s.string(), length: s.u64(), data: s.blob() }),
  {
    doc: 'A file that belongs to the entity. name is how it is offered for saving, without a path; mime is its media type; length is in bytes; data is the file. An entity may have several.',
  },
)

export const History = defineComponent(
  'History',
  s.vector(s.struct({ at: s.i64(), note: s.string(), snapshot: s.snapshot() })),
  {
    doc: 'Earlier states of the entity, oldest first. at is when that state was replaced, in milliseconds since 1970-01-01T00:00:00 UTC; note says why, and may be empty; snapshot is its EntitySnapshot. An entity has at most one.',
  },
)

export const EncryptionKey = defineComponent(
  'EncryptionKey',
  s.struct({ x25519: s.fixedBytes(32), notAfter: s.option(s.i64()) }),
  {
    doc: 'The public key with which others encrypt components for the owner of this subspace, by the algorithm leaf.hpke-x25519. It stands on the default entity of the subspace. After notAfter (milliseconds since 1970-01-01T00:00:00 UTC) nothing new is encrypted to it. An entity may have several; the one that is valid longest is used.',
  },
)

export const AtprotoIdentity = defineComponent(
  'AtprotoIdentity',
  s.struct({ did: s.string(), handle: s.option(s.string()) }),
  {
    doc: 'The ATProto identity of the owner of this subspace; it stands on the default entity. It is to be believed only when the record of that DID names this subspace as well. handle is a hint for people and may be out of date. An entity has at most one.',
  },
)

export const AtRecord = defineComponent(
  'AtRecord',
  s.struct({ uri: s.string(), cid: s.string(), record: s.bytes() }),
  {
    doc: 'A record of an ATProto repository. uri is its at:// address, cid its version, record its DAG-CBOR bytes, of which cid is the hash. An entity has at most one.',
  },
)

export const LibraryItem = defineComponent(
  'LibraryItem',
  s.struct({ role: s.enum({ Schema: s.null(), Algorithm: s.null(), Resolver: s.null() }), object: s.blob() }),
  {
    doc: 'An object that is needed to understand the entities of this subspace: a schema, an encryption algorithm or a key resolver. object is its id; its bytes and those of its specification stand beside this entity. It stands on the entity at the path "leaf"/"lib". An entity may have any number of them.',
  },
)

/** All of them, for registries. */
export const wellKnown: readonly ComponentKind<unknown>[] = [
  Utf8,
  Name,
  Description,
  CommonMark,
  CreatedAt,
  UpdatedAt,
  ReplyTo,
  Embed,
  Tags,
  WebLinks,
  Image,
  File,
  History,
  EncryptionKey,
  AtprotoIdentity,
  AtRecord,
  LibraryItem,
]
