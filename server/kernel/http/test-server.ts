import { systemClock } from '../clock.ts'
import { silentLogger } from '../log.ts'
import { noMetrics } from '../metrics.ts'
import { systemRandom } from '../random.ts'
import { createProxyTrust } from './proxies.ts'
import type { Route, UpgradeRoute } from './route.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts'

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly server: HttpServer
  /** Errors that were reported as corruption. */
  readonly corruptions: Error[]
  stop(): Promise<void>
}

/** A real server for tests on a free port of 127.0.0.1. */
export async function startServer(
  routes: readonly Route[],
  options: Partial<HttpServerOptions> & { readonly upgrades?: readonly UpgradeRoute[] } = {},
): Promise<TestServer> {
  const corruptions: Error[] = []
  const { upgrades = [], ...rest } = options
  const server = createHttpServer({
    mounts: [{ name: 'test', routes, upgrades }],
    hosts: ['127.0.0.1'],
    port: 0,
    trust: createProxyTrust([]),
    localHostsOnly: true,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics: noMetrics,
    onCorruption: corruption => void corruptions.push(corruption),
    ...rest,
  })
  const port = await server.listen()
  return { url: `http://127.0.0.1:${port}`, port, server, corruptions, stop: () => server.close(1000) }
}
