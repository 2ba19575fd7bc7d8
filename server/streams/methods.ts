/** Every event that a client may send, and what it needs. */
import type { StreamsSettings } from './config.ts'
import type { Throttle } from './middleware/throttle.ts'
import { createAdminListStreams } from './socket/handlers/admin-list-streams.ts'
import { createModuleExists } from './socket/handlers/module-exists.ts'
import { createModuleUpload } from './socket/handlers/module-upload.ts'
import { createStreamClearState } from './socket/handlers/stream-clear-state.ts'
import { createStreamCreate } from './socket/handlers/stream-create.ts'
import { createStreamEventBatch } from './socket/handlers/stream-event-batch.ts'
import { createStreamInfo } from './socket/handlers/stream-info.ts'
import { createStreamQuery } from './socket/handlers/stream-query.ts'
import { createStreamSetHandle } from './socket/handlers/stream-set-handle.ts'
import { createStreamStateEventBatch } from './socket/handlers/stream-state-event-batch.ts'
import { createStreamSubscribeEvents } from './socket/handlers/stream-subscribe-events.ts'
import { streamUnsubscribe } from './socket/handlers/stream-unsubscribe.ts'
import { createStreamUpdateModule } from './socket/handlers/stream-update-module.ts'
import type { Method } from './socket/method.ts'
import type { Streams } from './stream/contract.ts'

interface MethodsDependencies {
  readonly streams: Streams
  readonly throttle: Throttle
  readonly serverDid: string
  readonly settings: Pick<StreamsSettings, 'batchBytesMax'>
}

/** By the name of the event. */
export function createMethods(deps: MethodsDependencies): ReadonlyMap<string, Method> {
  const { streams, throttle, serverDid } = deps
  const { batchBytesMax } = deps.settings
  return new Map<string, Method>([
    ['module/upload', createModuleUpload({ streams })],
    ['module/exists', createModuleExists({ streams })],
    ['stream/create', createStreamCreate({ streams, throttle })],
    ['stream/info', createStreamInfo({ streams })],
    ['stream/update_module', createStreamUpdateModule({ streams })],
    ['stream/event_batch', createStreamEventBatch({ streams, batchBytesMax })],
    ['stream/state_event_batch', createStreamStateEventBatch({ streams, batchBytesMax })],
    ['stream/clear_state', createStreamClearState({ streams })],
    ['stream/subscribe_events', createStreamSubscribeEvents({ streams, throttle })],
    ['stream/unsubscribe', streamUnsubscribe],
    ['stream/query', createStreamQuery({ streams })],
    ['stream/set_handle', createStreamSetHandle({ streams })],
    ['admin/list_streams', createAdminListStreams({ streams, serverDid })],
  ])
}
