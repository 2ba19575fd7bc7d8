/** What the engine and the hosts take of the settings. */
import type { StreamsSettings } from './config.ts'
import type { HostLimits } from './host/limits.ts'
import type { StreamsEngineSettings } from './stream/dependencies.ts'

/** Address space that a process takes before it does anything, without using it. */
const bareHostBytes = 1024 * 1024 * 1024

export function hostLimits(settings: StreamsSettings): Partial<HostLimits> {
  return {
    queryMsMax: settings.queryMsMax,
    batchMsMax: settings.batchMsMax,
    answerRowsMax: settings.answerRowsMax,
    answerBytesMax: settings.answerBytesMax,
    memoryBytesMax: bareHostBytes + settings.hostMemoryBytes,
    openMax: settings.openStreamsMax,
    ...(settings.hostsMax === 0 ? {} : { quickHostsMax: settings.hostsMax }),
  }
}

/** `publicUrl` is where streams' DID documents say that they are served. */
export function engineSettings(settings: StreamsSettings, publicUrl: string): StreamsEngineSettings {
  return {
    endpoint: publicUrl,
    openCreation: settings.create === 'anyone',
    allow: settings.allow,
    block: settings.block,
    moduleAdmins: settings.moduleAdmins,
    limits: {
      moduleBytesMax: settings.moduleBytesMax,
      batchEventsMax: settings.batchEventsMax,
      batchBytesMax: settings.batchBytesMax,
      quota: { streams: settings.streamsPerOwnerMax, bytes: settings.bytesPerOwnerMax },
    },
  }
}
