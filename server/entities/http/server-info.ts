/** `GET /entities/server`: what a client has to know before it syncs. */
import type { EntitiesSettings } from '../config.ts'
import { type Exchange, sendJson } from './exchange.ts'

export interface ServerInfoOptions {
  readonly serverName: string
  /** Hex: to whom what is to be public is delegated. */
  readonly serverKey: string
  readonly settings: Pick<
    EntitiesSettings,
    'namespaces' | 'store' | 'entriesMax' | 'bytesMax' | 'payloadBytesMax'
  >
}

export function createServerInfo({ serverName, serverKey, settings }: ServerInfoOptions) {
  const { namespaces, store, entriesMax, bytesMax, payloadBytesMax } = settings
  const info = {
    serverName,
    serverKey,
    sync: '/entities/sync',
    namespaces,
    stores: store,
    limits: { entriesPerSubspace: entriesMax, bytesPerSubspace: bytesMax, payloadBytes: payloadBytesMax },
  }
  return async (exchange: Exchange): Promise<void> => sendJson(exchange, info)
}
