/** The device at the command line: a file with entities, and the key that signs them. */
import { LeafError } from '@leaf/entities/api/errors'
import type { Identity } from '@leaf/entities/api/identity'
import { createLeaf, type Leaf } from '@leaf/entities/api/leaf'
import type { Space } from '@leaf/entities/api/space'
import { MismatchError } from '@leaf/codec/borsh/codec'
import { MalformedError } from '@leaf/codec/errors'
import type { EntityPath } from '@leaf/entities/leaf/entity-path'
import { DropError } from '@leaf/entities/drop/drop-error'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { sqliteBacking } from '@leaf/entities/node/sqlite'
import { StoreError } from '@leaf/entities/store/store-error'
import { SyncError } from '@leaf/entities/sync/contract'
import { readPathText } from '../entities/path-text.ts'
import { Refusal } from '../kernel/errors.ts'
import { fileExists } from '../kernel/files.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import type { CommandContext } from './command.ts'

export interface FileFlags {
  readonly file: string
  readonly json?: true
}

export const defaultFile = 'entities.db'

export interface Device {
  readonly leaf: Leaf
  readonly me: Identity
  readonly space: Space
}

/** Opens the file (with `make`, it may be new), works, and closes it. What cannot be done is told as a sentence. */
export async function withDevice(
  { file, make }: { readonly file: string; readonly make: boolean },
  context: CommandContext,
  work: (device: Device) => Promise<void>,
): Promise<void> {
  if (!make && !fileExists(file))
    throw new StartFault(`there is no ${file}. leaf entity put makes it, or name another one: --file <file>`)
  await inWords(async () => {
    const { random, clock } = context
    const platform = {
      ed25519: createNodeEd25519(),
      random: (length: number) => new Uint8Array(random.bytes(length)),
      now: () => clock.now(),
    }
    const leaf = await createLeaf(platform, sqliteBacking(file))
    try {
      const me = leaf.identities.list()[0] ?? (await leaf.identities.create())
      await work({ leaf, me, space: leaf.space({ as: me }) })
    } finally {
      await leaf.close()
    }
  })
}

/** A path as it is written at the command line: `posts/hello`, `posts/~u7`; empty or `/`: the default entity. */
export function pathOf(text: string): EntityPath {
  return readPathText(
    text
      .replace(/^\//, '')
      .split('/')
      .map(part => (part.includes('%') ? part : encodeURIComponent(part)))
      .join('/'),
  )
}

const expected = [LeafError, StoreError, SyncError, DropError, MalformedError, MismatchError, Refusal]

/** Turns what the library expects to go wrong into what a command says. */
export async function inWords(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const known = expected.some(kind => error instanceof kind)
    if (known && error instanceof Error) throw new StartFault(error.message, { cause: error })
    throw error
  }
}
