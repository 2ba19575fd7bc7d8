/**
 * The wire of streams: socket.io events (msgpack parser) whose one argument and whose ack are bytes of DRISL.
 *
 * Client to server: `module/upload`, `module/exists`, `stream/create`, `stream/info`, `stream/update_module`,
 * `stream/event_batch`, `stream/state_event_batch`, `stream/clear_state`, `stream/subscribe_events`,
 * `stream/unsubscribe`, `stream/query`, `stream/set_handle`, `admin/list_streams`.
 * Server to client: `stream/subscription_response` (bytes of DRISL), `authenticated` (a plain `{did}`), `error` (text).
 *
 * Names are frozen, new fields optional. Decoders throw MalformedError with what was expected and where.
 */
export {
  batchIdCharactersMax,
  decodeEventBatch,
  decodeModuleExists,
  decodeModuleUpload,
  decodeSetHandle,
  decodeStreamCreate,
  decodeStreamOnly,
  decodeStreamQuery,
  decodeUnsubscribe,
  decodeUpdateModule,
  encodeEventBatch,
  encodeListStreams,
  encodeModuleExists,
  encodeModuleUpload,
  encodeSetHandle,
  encodeStreamCreate,
  encodeStreamOnly,
  encodeStreamQuery,
  encodeUnsubscribe,
  encodeUpdateModule,
  type EventBatch,
  type LeafQuery,
  type ModuleUpload,
  queryLimitDefault,
  type SetHandle,
  type StreamCreate,
  streamDidPattern,
  type StreamQuery,
  ulidPattern,
  type UpdateModule,
} from './wire-requests.ts'
export {
  decodeCreated,
  decodeInfo,
  decodeModuleCid,
  decodeNamedBoolean,
  decodeNamedText,
  decodeReply,
  decodeStreamList,
  decodeSubscriptionResponse,
  encodeSubscriptionResponse,
  err,
  type Notification,
  ok,
  parseThrottleRefusal,
  type Reply,
  type SubscriptionResponse,
  type ThrottleRefusal,
} from './wire-replies.ts'
export { decodeRows, decodeSqlValue, encodeSqlValue, type SqlParam, type SqlRow } from './sql-value.ts'
export { FieldError } from './fields.ts'
