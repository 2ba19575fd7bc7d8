/** What is done with the files of streams beside serving: builds, copies, removal. */
import type { DrislMap } from '@leaf/codec/drisl'
import { asInteger } from '@leaf/streams/fields'
import { Refusal } from '../../kernel/errors.ts'
import type { Folders } from '../../kernel/files.ts'
import { buildModule } from './build.ts'
import type { SqlHosts, StreamView } from './contract.ts'
import { ownMsMax } from './limits.ts'
import type { Pool } from './pool-types.ts'
import { type HostRequest, type Target, targetOf } from './protocol.ts'
import type { Serving } from './serving.ts'
import { type Asked, nobody, type Targets } from './targets.ts'

export interface UpkeepOptions {
  readonly folder: string
  readonly folders: Folders
  readonly pool: Pool
  readonly targets: Targets
  readonly serving: Serving
}

type Upkeep = Pick<
  SqlHosts,
  'build' | 'adopt' | 'discard' | 'checkpointState' | 'copyState' | 'placeState' | 'remove'
>

export function createUpkeep({ folder, folders, pool, targets, serving }: UpkeepOptions): Upkeep {
  const { alone, guarded } = serving

  /** Something of ours about a stream that serves. */
  const askOwn = (view: StreamView, op: 'checkpoint' | 'copy' | 'adopt'): Promise<DrislMap> => {
    const request = (target: Target): HostRequest => ({ op, target })
    const question = { op, request, deadlineMs: ownMsMax, isOwn: true }
    return guarded(view, op, () => targets.ask(serving.at(view), question, 'quick'))
  }

  const buildKey = (did: string, generation: number) => `${did}#${generation}`

  const removeFiles = async (path: string) => {
    // The log first: one that is left beside a new file would be replayed into it.
    for (const suffix of ['-wal', '-shm', '']) await folders.remove(path + suffix)
  }

  return {
    build: async (view, { signal, onProgress }) => {
      // The copy of the state that it begins with has all that was committed.
      await alone(view.did, () => pool.drain(view.did))
      const asked: Asked = { ...targetOf(view, true), owner: view.owner }
      await alone(asked.key, () =>
        guarded(view, 'build', () => buildModule(targets, asked, signal, onProgress)),
      )
    },
    adopt: view =>
      alone(view.did, async () => {
        await targets.forget(view.did)
        await targets.forget(buildKey(view.did, view.module.generation))
        await askOwn(view, 'adopt')
      }),
    discard: (did, { cid, generation }) =>
      alone(did, async () => {
        const key = buildKey(did, generation)
        await targets.forget(key)
        const request = (): HostRequest => ({ op: 'discard', did, cid, generation })
        const question = { op: 'discard', request, deadlineMs: ownMsMax, isOwn: true }
        await targets.ask({ ...nobody, key }, question, 'quick')
      }),
    checkpointState: view =>
      alone(view.did, async () => {
        const map = await askOwn(view, 'checkpoint')
        return { seq: asInteger(map['seq'], 'seq'), idx: asInteger(map['idx'], 'idx') }
      }),
    copyState: view =>
      alone(view.did, async () => {
        await askOwn(view, 'copy')
        const path = `${folder}/${checkedName(view.did)}/state-copy.db`
        const bytes = await folders.read(path)
        await removeFiles(path)
        return bytes
      }),
    placeState: (did, bytes) =>
      alone(did, async () => {
        await targets.forget(did)
        const path = `${folder}/${checkedName(did)}/state.db`
        await removeFiles(path)
        await folders.writeDurably(path, bytes)
      }),
    remove: did =>
      alone(did, async () => {
        await targets.forget(did)
        serving.forget(did)
        await folders.remove(`${folder}/${checkedName(did)}`)
      }),
  }
}

/** A DID as the name of a folder. */
function checkedName(did: string): string {
  if (!/^did:[a-z0-9]+:[A-Za-z0-9._%-]+$/.test(did))
    throw new Refusal('invalid', `expected a DID, got ${did}`)
  return did
}
