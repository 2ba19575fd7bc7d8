/** An address book that several people share: names for whoever may read the area, e-mail addresses for the group alone. */
import { s } from '@leaf/codec/borsh/build'
import type { Identity } from '@leaf/entities/api/identity'
import type { Leaf } from '@leaf/entities/api/leaf'
import { type Subspace, subspaceOf } from '@leaf/entities/api/place'
import { defineComponent } from '@leaf/entities/leaf/define'
import { Name } from '@leaf/entities/leaf/well-known'
import type { Capability } from '@leaf/entities/meadowcap/capability'

export const Email = defineComponent('Email', s.string(), {
  doc: 'An e-mail address at which the person that this entity stands for can be reached (RFC 5322 addr-spec). An entity may have several.',
})

export const GroupKey = defineComponent('GroupKey', s.fixedBytes(32), {
  doc: 'A secret key of a group, by which components are encrypted with the algorithm leaf.xchacha20poly1305. It is itself encrypted, once for each member.',
})

export interface Contact {
  readonly name: string
  /** Undefined: there is none that can be read here. */
  readonly email: string | undefined
  /** Whether something of it is encrypted for others. */
  readonly locked: boolean
}

export interface AddressBook {
  put(id: string, contact: Pick<Contact, 'name' | 'email'>): Promise<void>
  all(): Promise<readonly Contact[]>
  /** Lets somebody read and write; what she is given she takes with `join`. */
  invite(member: {
    readonly publicKey: Uint8Array
    readonly encryptionKey: Uint8Array
  }): Promise<readonly Capability[]>
}

const place = ['contacts'] as const

/** A new book in the owner's subspace, with a key of its own. */
export async function createBook(
  leaf: Leaf,
  owner: Identity,
  random: (length: number) => Uint8Array,
): Promise<AddressBook> {
  const space = leaf.space({ as: owner })
  const existing = await space.at(...place).get(GroupKey)
  const key = existing ?? random(32)
  if (existing === undefined)
    await space.at(...place).edit(draft => draft.set(GroupKey, key, { for: owner.encryptionKey }))
  return openBook(leaf, owner, owner, key)
}

/** A book that its owner has shared. Undefined: her invitation has not arrived by sync yet. */
export async function openShared(
  leaf: Leaf,
  me: Identity,
  owner: Subspace,
): Promise<AddressBook | undefined> {
  const key = await leaf
    .space({ as: me })
    .at(owner, ...place)
    .get(GroupKey)
  return key === undefined ? undefined : openBook(leaf, me, owner, key)
}

async function openBook(leaf: Leaf, me: Identity, owner: Subspace, key: Uint8Array): Promise<AddressBook> {
  const space = leaf.space({ as: me })
  const group = { kind: 'secret', key } as const
  await leaf.addKey(group)
  return {
    put: async (id, { name, email }) => {
      await space.at(owner, ...place, id).edit(draft => {
        draft.set(Name, name)
        if (email === undefined) draft.remove(Email)
        else draft.set(Email, email, { for: group })
      })
    },
    all: async () => {
      const by = { by: (view: Parameters<typeof toContact>[0]) => view.get(Name) ?? '' }
      const views = await space.query({ under: [owner, ...place], with: [Name], orderBy: by }).all()
      return views.map(toContact)
    },
    invite: async ({ publicKey, encryptionKey }) => {
      await space
        .at(owner, ...place)
        .edit(draft => draft.add(GroupKey, key, { for: { kind: 'recipient', publicKey: encryptionKey } }))
      const under = [owner, ...place] as const
      return Promise.all(
        (['read', 'write'] as const).map(mode => space.delegate({ to: publicKey, mode, under })),
      )
    },
  }
}

type View = NonNullable<Awaited<ReturnType<ReturnType<ReturnType<Leaf['space']>['at']>['view']>>>

function toContact(view: View): Contact {
  return { name: view.get(Name) ?? '', email: view.get(Email), locked: view.locked.length > 0 }
}

/** The area of somebody's book, for sync. */
export function bookArea(leaf: Leaf, owner: Uint8Array) {
  return leaf.space().area(subspaceOf(owner), ...place)
}
