/** The side that asks: brings a store and a server to the same entries, and keeps them there. */
import type { SyncOptions, SyncResult } from './client-contract.ts'
import { createClientSession } from './client-session.ts'
import { SyncError } from './contract.ts'
import { createLink } from './link.ts'

export type { SyncOptions, SyncResult, SyncStatus } from './client-contract.ts'
export type { SyncMemory } from './sync-notes.ts'

/**
 * Syncs once, and stays when `live`. Throws SyncError when it could not, or was stopped before both were equal; everything
 * that came until then is kept, and the next time goes on from there.
 */
export async function syncWith(options: SyncOptions): Promise<SyncResult> {
  const { transport, after, silenceMs, signal } = options
  const link = createLink({
    transport,
    after,
    silenceMs,
    onRefused: refused => session.refused(refused),
  })
  const session = createClientSession(options, link)
  const stop = () => {
    session.stop()
    link.end()
  }
  const reading = link
    .run((type, reader) => session.handle(type, reader))
    .then(
      () => session.gone(new SyncError('closed', 'the connection has ended')),
      (error: unknown) => session.gone(error),
    )
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const result = await session.work()
    link.end()
    await reading
    return result
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'closed') {
      link.end(error instanceof SyncError && error.code === 'protocol' ? error : undefined)
      throw error
    }
    // Why the connection ended tells more than that it has.
    link.end()
    await reading
    throw session.why() ?? error
  } finally {
    signal.removeEventListener('abort', stop)
    session.close()
  }
}
