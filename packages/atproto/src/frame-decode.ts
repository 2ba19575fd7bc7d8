/** Frames of the firehose as clients and tests read them; `frame.ts` writes them. */
import { BytesWrapper, CidLinkWrapper, decode } from '@atcute/cbor'
import { itemEnd } from './cbor-skip.ts'
import { type Cid, readCid } from './cid.ts'
import { MalformedError } from './errors.ts'
import type { AccountEvent, CommitEvent, IdentityEvent, SyncEvent } from './frame.ts'
import type { CommitOp } from './proof.ts'

export type Frame =
  | { readonly type: '#commit'; readonly seq: number; readonly event: CommitEvent }
  | { readonly type: '#sync'; readonly seq: number; readonly event: SyncEvent }
  | { readonly type: '#identity'; readonly seq: number; readonly event: IdentityEvent }
  | { readonly type: '#account'; readonly seq: number; readonly event: AccountEvent }
  | { readonly type: '#info'; readonly name: string; readonly message?: string }
  | { readonly type: 'error'; readonly error: string; readonly message?: string }
  /** A type of a later version of the protocol, which clients pass over. */
  | { readonly type: 'unknown'; readonly t: string }

/** Bytes of a frame that relays accept. */
export const frameBytesMax = 5_000_000
/** Operations and blobs that a frame may name; the protocol's own limit for operations is 200. */
const listItemsMax = 10_000

type Body = Readonly<Record<string, unknown>>

/** A frame from the bytes of one WebSocket message. Throws MalformedError. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length > frameBytesMax) {
    throw new MalformedError(`a frame of ${bytes.length} bytes exceeds ${frameBytesMax}`, 0)
  }
  const header = decodeItem(bytes, 0, 'header')
  const body = decodeItem(bytes, header.end, 'body')
  if (body.end !== bytes.length) throw new MalformedError('bytes follow the body of a frame', body.end)
  const read = createFields(body.value, header.end)
  const { op, t } = header.value
  if (op === -1) return { type: 'error', error: read.text('error'), ...read.optionalText('message') }
  if (op !== 1) throw new MalformedError('the op of a frame is neither 1 nor -1', 0)
  if (typeof t !== 'string') throw new MalformedError('the header of a frame has no t', 0)
  return decodeBody(t, read)
}

function decodeBody(t: string, read: Fields): Frame {
  switch (t) {
    case '#commit':
      return { type: t, seq: read.integer('seq'), event: readCommit(read) }
    case '#sync': {
      const event = {
        did: read.text('did'),
        rev: read.text('rev'),
        blocks: read.bytes('blocks'),
        time: read.text('time'),
      }
      return { type: t, seq: read.integer('seq'), event }
    }
    case '#identity': {
      const event = { did: read.text('did'), ...read.optionalText('handle'), time: read.text('time') }
      return { type: t, seq: read.integer('seq'), event }
    }
    case '#account': {
      const status = read.optionalText('status')
      const event = {
        did: read.text('did'),
        active: read.boolean('active'),
        ...status,
        time: read.text('time'),
      }
      return { type: t, seq: read.integer('seq'), event }
    }
    case '#info':
      return { type: t, name: read.text('name'), ...read.optionalText('message') }
    default:
      return { type: 'unknown', t }
  }
}

function readCommit(read: Fields): CommitEvent {
  for (const name of ['rebase', 'tooBig']) read.boolean(name)
  read.list('blobs')
  return {
    repo: read.text('repo'),
    commit: read.link('commit'),
    rev: read.text('rev'),
    since: read.textOrNull('since'),
    blocks: read.bytes('blocks'),
    ops: read.list('ops').map(op => readOp(createFields(op, read.offset))),
    prevData: read.has('prevData') ? read.linkOrNull('prevData') : null,
    time: read.text('time'),
  }
}

function readOp(read: Fields): CommitOp {
  const action = read.text('action')
  if (action !== 'create' && action !== 'update' && action !== 'delete') {
    throw new MalformedError(`an operation's action is create, update or delete, not ${action}`, read.offset)
  }
  return {
    action,
    path: read.text('path'),
    cid: read.linkOrNull('cid'),
    prev: read.has('prev') ? read.linkOrNull('prev') : null,
  }
}

interface Fields {
  readonly offset: number
  has(name: string): boolean
  text(name: string): string
  textOrNull(name: string): string | null
  /** The field as an object's part, if it is there. */
  optionalText<Name extends string>(name: Name): { readonly [key in Name]?: string }
  integer(name: string): number
  boolean(name: string): boolean
  bytes(name: string): Uint8Array
  link(name: string): Cid
  linkOrNull(name: string): Cid | null
  list(name: string): readonly unknown[]
}

/** Checked access to the fields of a decoded map; errors carry the offset of the item it is in. */
function createFields(value: unknown, offset: number): Fields {
  if (!isBody(value)) throw new MalformedError('expected a map', offset)
  const expect = (name: string, kind: string): MalformedError =>
    new MalformedError(`expected ${kind} as ${name}`, offset)
  const fields: Fields = {
    offset,
    has: name => Object.hasOwn(value, name),
    text: name => {
      const field = value[name]
      if (typeof field !== 'string') throw expect(name, 'a text')
      return field
    },
    textOrNull: name => (value[name] === null ? null : fields.text(name)),
    optionalText: <Name extends string>(name: Name): { readonly [key in Name]?: string } => {
      if (!fields.has(name)) return {}
      // The literal has exactly the key of the return type.
      return { [name]: fields.text(name) } as { readonly [key in Name]?: string }
    },
    integer: name => {
      const field = value[name]
      if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0)
        throw expect(name, 'an integer')
      return field
    },
    boolean: name => {
      const field = value[name]
      if (typeof field !== 'boolean') throw expect(name, 'a boolean')
      return field
    },
    bytes: name => {
      const field = value[name]
      if (!(field instanceof BytesWrapper)) throw expect(name, 'bytes')
      return field.buf
    },
    link: name => {
      const field = value[name]
      if (!(field instanceof CidLinkWrapper)) throw expect(name, 'a link')
      return readCid(field.bytes, 0)
    },
    linkOrNull: name => (value[name] === null ? null : fields.link(name)),
    list: name => {
      const field = value[name]
      if (!Array.isArray(field) || field.length > listItemsMax)
        throw expect(name, `a list of at most ${listItemsMax}`)
      return field
    },
  }
  return fields
}

function decodeItem(
  bytes: Uint8Array,
  offset: number,
  what: string,
): { readonly value: Body; readonly end: number } {
  const end = itemEnd(bytes, offset)
  let value: unknown
  try {
    value = decode(bytes.subarray(offset, end))
  } catch (cause) {
    throw Object.assign(new MalformedError(`the ${what} of a frame is not DAG-CBOR`, offset), { cause })
  }
  if (!isBody(value)) throw new MalformedError(`the ${what} of a frame is not a map`, offset)
  return { value, end }
}

function isBody(value: unknown): value is Body {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof BytesWrapper) &&
    !(value instanceof CidLinkWrapper)
  )
}
