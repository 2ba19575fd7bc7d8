/** Wiki pages with a history: every state before is kept by its snapshot, and can be read and brought back. */
import type { Identity } from '@leaf/entities/api/identity'
import type { Leaf } from '@leaf/entities/api/leaf'
import { CommonMark, History, Name } from '@leaf/entities/leaf/well-known'

export interface Version {
  /** Milliseconds since 1970: when it was replaced. */
  readonly at: number
  /** Why. */
  readonly note: string
  readonly text: string
}

export interface Page {
  read(): Promise<string | undefined>
  write(text: string, note: string): Promise<void>
  /** Earlier states, oldest first. */
  history(): Promise<readonly Version[]>
  /** Brings an earlier state back; the history goes on. Throws RangeError when there is none. */
  restore(index: number): Promise<void>
}

/** Versions that a page keeps; older ones are no longer listed. */
const versionsMax = 200

export function openPage(leaf: Leaf, me: Identity, title: string, now: () => number = Date.now): Page {
  const page = leaf.space({ as: me }).at('wiki', title)
  const history = async (): Promise<readonly Version[]> => {
    const entries = (await page.get(History)) ?? []
    return Promise.all(
      entries.map(async ({ at, note, snapshot }) => {
        const view = await leaf.snapshot(snapshot)
        return { at: Number(at), note, text: view?.get(CommonMark) ?? '' }
      }),
    )
  }
  const write = async (text: string, note: string) => {
    await page.edit(draft => {
      draft.set(Name, title)
      draft.set(CommonMark, text)
      const { before } = draft
      if (before === undefined) return
      const snapshot = draft.pin(before)
      const earlier = before.get(History) ?? []
      draft.set(History, [...earlier, { at: BigInt(now()), note, snapshot }].slice(-versionsMax))
    })
  }
  return {
    read: () => page.get(CommonMark),
    write,
    history,
    restore: async index => {
      const version = (await history())[index]
      if (version === undefined) throw new RangeError(`expected a version of this page, got ${index}`)
      await write(version.text, `version ${index + 1} again`)
    },
  }
}
