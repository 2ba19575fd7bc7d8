/** What strangers reach: sockets and HTTP routes, in front of the engine. */
import type { System } from '../kernel/lifecycle.ts'
import type { Mount } from '../kernel/http/router.ts'
import { noSpans } from '../kernel/spans.ts'
import type { DoorDependencies } from './dependencies.ts'
import { createReadRoutes } from './http/routes.ts'
import { createOwnRoutes } from './http/own-listener.ts'
import { createMethods } from './methods.ts'
import { createAuthenticate } from './middleware/authenticate.ts'
import { createPlaces } from './middleware/places.ts'
import { createThrottle } from './middleware/throttle.ts'
import { createSocketMetrics } from './socket/socket-metrics.ts'
import { createSocketServer } from './socket/server.ts'
import { createUlids } from './socket/ulid.ts'
import type { Streams } from './stream/contract.ts'

export interface DoorCounts {
  readonly connections: number
  readonly subscriptions: number
  /** Bytes that are being received or worked on. */
  readonly held: number
  /** Readers over HTTP that wait for events. */
  readonly readers: number
}

export interface Door extends Pick<System, 'routes' | 'upgrades'> {
  /** For the listener of streams' own: sockets, and what upstream serves beside them. */
  readonly own: Mount
  readonly serverDid: string
  counts(): DoorCounts
  /** Ends every connection, with its calls answered if there is time. */
  stop(deadlineMs: number): Promise<void>
}

/** The door in front of `streams`. */
export function createDoor(deps: DoorDependencies, streams: Streams): Door {
  const { settings, clock, log, metrics, publicUrl } = deps
  const serverDid = settings.did ?? deps.name.did
  const places = createPlaces({
    connectionsMax: settings.connectionsMax,
    connectionsPerAddressMax: settings.connectionsPerAddressMax,
    bytesMax: settings.inFlightBytesMax,
    bytesPerAddressMax: settings.inFlightBytesPerAddressMax,
  })
  const throttle = openThrottle(deps)
  const authenticate = createAuthenticate({
    clock,
    resolver: deps.resolver,
    serverDid,
    unsafeAuthToken: settings.unsafeAuthToken,
    requireAudience: settings.requireAudience,
    requireMethod: settings.requireMethod,
  })
  const sockets = createSocketServer({
    methods: createMethods({ streams, throttle, serverDid, settings }),
    authenticate,
    newId: createUlids(deps),
    clock,
    log,
    metrics: createSocketMetrics(metrics),
    spans: deps.spans ?? noSpans,
    places,
    unsentBytesMax: settings.unsentBytesMax,
  })
  const reading = createReadRoutes({ ...deps, streams, authenticate })
  metrics.gauge('leaf_streams_connections', 'Connections that are open.', sockets.count)
  metrics.gauge('leaf_streams_in_flight_bytes', 'Bytes that are being received or worked on.', places.bytes)
  return {
    routes: [...sockets.routes, ...reading.routes],
    upgrades: sockets.upgrades,
    own: {
      name: 'streams',
      routes: [...sockets.routes, ...reading.routes, ...createOwnRoutes({ serverDid, publicUrl })],
      upgrades: sockets.upgrades,
    },
    serverDid,
    counts: () => ({
      connections: sockets.count(),
      subscriptions: throttle.active(),
      held: places.bytes(),
      readers: reading.waiting(),
    }),
    stop: async deadlineMs => {
      reading.stop()
      await sockets.stop(deadlineMs)
    },
  }
}

function openThrottle({ settings, clock, log, metrics }: DoorDependencies) {
  return createThrottle({
    clock,
    log,
    metrics,
    windowMs: settings.throttleWindowSecs * 1000,
    limits: {
      creates: settings.createLimit,
      subscribes: settings.subscribeLimit,
      active: settings.activeMax,
    },
    overrides: settings.throttleOverrides,
    addressFactor: settings.anonymousAddressFactor,
  })
}
