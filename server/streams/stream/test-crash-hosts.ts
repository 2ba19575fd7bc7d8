/** Which hosts the crash test runs on, and the module that its streams have. */
import type { HostSources, SqlHosts } from '../host/contract.ts'
import { createTestHosts } from './test-hosts.ts'
import { moduleOf } from './test-house.ts'

export function createCrashHosts(sources: HostSources, _folder: string): SqlHosts {
  return createTestHosts(sources)
}

export const crashModule = (): Uint8Array => moduleOf('crash')
