import type { Logger } from '../log.ts'

/** Who listens to which channel in this process. */
export interface Channels {
  listen(channel: string, listener: () => void): () => void
  /** Calls everyone who listens to one of `channels`. A listener that throws is told of in the log, and no one else's matter. */
  wake(channels: Iterable<string>): void
  /** Calls everyone. */
  wakeAll(): void
  clear(): void
}

export function createChannels(log: Logger | undefined): Channels {
  const listeners = new Map<string, Set<() => void>>()

  const wake = (channels: Iterable<string>) => {
    for (const channel of channels) {
      for (const listener of listeners.get(channel) ?? []) {
        try {
          listener()
        } catch (error) {
          log?.error({ channel, error }, 'a listener of the database failed')
        }
      }
    }
  }

  return {
    listen: (channel, listener) => {
      // An entry of its own, so that the same function can listen twice.
      const entry = () => listener()
      const set = listeners.get(channel) ?? new Set()
      listeners.set(channel, set.add(entry))
      return () => {
        set.delete(entry)
        if (set.size === 0 && listeners.get(channel) === set) listeners.delete(channel)
      }
    },
    wake,
    wakeAll: () => wake([...listeners.keys()]),
    clear: () => listeners.clear(),
  }
}
