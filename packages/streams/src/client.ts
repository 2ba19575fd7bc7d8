/**
 * A client of streams for Node and browsers, with the method names of `@muni-town/leaf-client`. Every call ends: with an
 * answer, a refusal or a timeout. Subscriptions outlive connections, and batches of events are appended once, however
 * often they had to be sent. Make one with `node/client.ts` or `browser/client.ts`.
 */
import type { DrislValue } from '@leaf/codec/drisl'
import { type CallOptions, messageOf } from './client-calls.ts'
import { createConnection } from './client-connection.ts'
import { createLogReader, type LogReader } from './client-log.ts'
import { createSubscriptions } from './client-subscriptions.ts'
import {
  type Authenticator,
  clientDefaults,
  type ClientEvents,
  type ClientOptions,
  type ClientPlatform,
  LeafError,
} from './client-types.ts'
import { plainRow, type PlainRow, type QueryInput, toSqlParam } from './query.ts'
import type { SqlRow } from './sql-value.ts'
import {
  decodeCreated,
  decodeInfo,
  decodeModuleCid,
  decodeNamedBoolean,
  decodeStreamList,
} from './wire-replies.ts'
import {
  encodeEventBatch,
  encodeListStreams,
  encodeModuleExists,
  encodeModuleUpload,
  encodeSetHandle,
  encodeStreamCreate,
  encodeStreamOnly,
  encodeStreamQuery,
  encodeUpdateModule,
  type LeafQuery,
  queryLimitDefault,
} from './wire-requests.ts'
import { decodeRows } from './sql-value.ts'

export interface SendOptions {
  /** Only with the server's unsafe token. */
  readonly userOverride?: string
  /** The append is refused unless the log's head is this idx. */
  readonly expectedIdx?: number
  /** Names the batch, so that it is appended once; made up when not given. At most 64 characters. */
  readonly batchId?: string
}

/** One notification of a subscription. */
export type Page<Row = PlainRow> =
  /** `rows` may be empty. Without `hasMore`, the subscription has caught up with the log. */
  | { readonly ok: true; readonly rows: readonly Row[]; readonly hasMore: boolean }
  /** The query failed. With `ended` nothing more comes; else the next event asks it again. */
  | { readonly ok: false; readonly error: LeafError; readonly ended: boolean }

/** Every method throws LeafError; MalformedError for an argument that is not what it says (a CID, a handle of SQL). */
export interface LeafClient extends LogReader {
  on<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  off<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  /** Ends everything; calls that wait fail with `closed`. */
  disconnect(): void
  /** `module` is canonical DRISL, as `defineModule` gives it. */
  uploadModule(module: Uint8Array): Promise<{ readonly moduleCid: string }>
  hasModule(moduleCid: string): Promise<boolean>
  createStream(
    moduleCid: string,
    options?: { readonly clientStamp?: string },
  ): Promise<{ readonly streamDid: string; readonly clientStamp: string | null }>
  streamInfo(
    streamDid: string,
  ): Promise<{ readonly moduleCid: string | null; readonly clientStamp: string | null }>
  updateModule(streamDid: string, moduleCid: string): Promise<void>
  sendEvent(streamDid: string, event: Uint8Array, options?: SendOptions): Promise<void>
  /** All of them or none, once: a batch whose answer was lost with the connection is sent again under the same id. */
  sendEvents(streamDid: string, events: readonly Uint8Array[], options?: SendOptions): Promise<void>
  sendStateEvents(
    streamDid: string,
    events: readonly Uint8Array[],
    options?: { readonly userOverride?: string },
  ): Promise<void>
  clearState(streamDid: string): Promise<void>
  query<Row = PlainRow>(streamDid: string, query: QueryInput<Row>): Promise<Row[]>
  /** Gives what ends it. `resume` says what a reconnect does; see `client-subscriptions.ts`. */
  subscribeEvents<Row = PlainRow>(
    streamDid: string,
    query: QueryInput<Row>,
    onPage: (page: Page<Row>) => void | Promise<void>,
    options?: { readonly resume?: 'idx' | 'again' },
  ): Promise<() => Promise<void>>
  setHandle(streamDid: string, handle: string | null): Promise<void>
  listStreams(): Promise<{ readonly did: string }[]>
}

export interface CreateClient {
  readonly url: string
  /** Absent: anonymous. */
  readonly authenticator?: Authenticator
  readonly options?: ClientOptions
  readonly platform: ClientPlatform
}

/** Connects at once. */
export function createClient({
  url,
  authenticator,
  options: given = {},
  platform,
}: CreateClient): LeafClient {
  const options = { ...clientDefaults, ...given }
  const connection = createConnection({ url, authenticator, options, platform })
  const subscriptions = createSubscriptions({ connection, options, platform })
  const ask = async <T>(
    event: string,
    argument: Uint8Array,
    read: (value: DrislValue) => T,
    call?: CallOptions,
  ): Promise<T> => {
    const value = await connection.call(event, argument, call)
    try {
      return read(value)
    } catch (cause) {
      throw new LeafError('malformed', `${event}: the answer is another than expected: ${messageOf(cause)}`, {
        cause,
      })
    }
  }
  const reading: CallOptions = { repeatable: true }
  const long: CallOptions = { timeoutMs: options.longCallTimeoutMs }
  const send = (streamDid: string, events: readonly Uint8Array[], sending: SendOptions = {}) => {
    const batchId = sending.batchId ?? makeBatchId(platform)
    return ask(
      'stream/event_batch',
      encodeEventBatch({ streamDid, events, ...sending, batchId }),
      nothing,
      reading,
    )
  }
  return {
    ...createLogReader({ url, authenticator, options, platform }),
    on: connection.on,
    off: connection.off,
    disconnect: connection.close,
    uploadModule: module =>
      ask(
        'module/upload',
        encodeModuleUpload({ module }),
        value => ({ moduleCid: decodeModuleCid(value) }),
        reading,
      ),
    hasModule: moduleCid =>
      ask(
        'module/exists',
        encodeModuleExists({ moduleCid }),
        value => decodeNamedBoolean(value, 'moduleExists'),
        reading,
      ),
    createStream: (moduleCid, creating = {}) =>
      ask('stream/create', encodeStreamCreate({ moduleCid, ...creating }), decodeCreated, long),
    streamInfo: streamDid => ask('stream/info', encodeStreamOnly({ streamDid }), decodeInfo, reading),
    updateModule: (streamDid, moduleCid) =>
      ask('stream/update_module', encodeUpdateModule({ streamDid, moduleCid }), nothing, long),
    sendEvent: (streamDid, event, sending) => send(streamDid, [event], sending),
    sendEvents: send,
    sendStateEvents: (streamDid, events, sending = {}) =>
      ask('stream/state_event_batch', encodeEventBatch({ streamDid, events, ...sending }), nothing),
    clearState: streamDid => ask('stream/clear_state', encodeStreamOnly({ streamDid }), nothing),
    query: <Row>(streamDid: string, input: QueryInput<Row>) =>
      ask(
        'stream/query',
        encodeStreamQuery({ streamDid, query: toQuery(input) }),
        value => decodeRows(value).map(readerOf(input)),
        reading,
      ),
    subscribeEvents: <Row>(
      streamDid: string,
      input: QueryInput<Row>,
      onPage: (page: Page<Row>) => void | Promise<void>,
      { resume = 'idx' }: { readonly resume?: 'idx' | 'again' } = {},
    ) => {
      const read = readerOf(input)
      return subscriptions.subscribe({
        streamDid,
        query: toQuery(input),
        resume,
        onPage: page => onPage(page.ok ? { ...page, rows: page.rows.map(read) } : page),
      })
    },
    setHandle: (streamDid, handle) =>
      ask('stream/set_handle', encodeSetHandle({ streamDid, handle }), nothing),
    listStreams: () => ask('admin/list_streams', encodeListStreams(), decodeStreamList, reading),
  }
}

/** The unit value, whatever a server puts there. */
function nothing(): void {}

function toQuery(input: QueryInput<unknown>): LeafQuery {
  const params = new Map(
    Object.entries(input.params ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, toSqlParam(value, name)] as const],
    ),
  )
  return { name: input.name, params, start: input.start, limit: input.limit ?? queryLimitDefault }
}

function readerOf<Row>(input: QueryInput<Row>): (row: SqlRow) => Row {
  // Without a reader, `Row` is PlainRow.
  return input.read ?? (row => plainRow(row) as Row)
}

function makeBatchId(platform: ClientPlatform): string {
  return [...platform.randomBytes(16)].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
