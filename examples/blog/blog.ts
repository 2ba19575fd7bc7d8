/** A blog: posts as entities, with components that every application knows. */
import type { EntityView } from '@leaf/entities/api/view'
import type { Leaf } from '@leaf/entities/api/leaf'
import type { Identity } from '@leaf/entities/api/identity'
import type { Diff, Watch } from '@leaf/entities/api/watch'
import { CommonMark, CreatedAt, Image, Name, ReplyTo, Tags, UpdatedAt } from '@leaf/entities/leaf/well-known'

export interface Post {
  /** The last part of its path: readable, and unique in the blog. */
  readonly slug: string
  readonly title: string
  readonly text: string
  readonly tags: readonly string[]
}

export interface Blog {
  /** Publishes a post, or changes the one with its slug. */
  publish(post: Post, picture?: { readonly png: Uint8Array; readonly alt: string }): Promise<void>
  /** The newest posts. */
  newest(limit: number): Promise<readonly Post[]>
  /** Posts with a tag, by title. */
  tagged(tag: string): Promise<readonly Post[]>
  /** Answers somebody's post; the link remembers what it said at the time. */
  reply(to: EntityView, text: string): Promise<void>
  /** Calls back with the blog as it is, and again whenever it changes. */
  follow(onDiff: (diff: Diff) => void): Watch
  /** The blog as a file that another device takes. */
  file(): Promise<Uint8Array>
}

/** The blog of an identity: the entities under `"posts"` in its subspace. */
export function openBlog(leaf: Leaf, me: Identity, now: () => number = Date.now): Blog {
  const space = leaf.space({ as: me })
  const posts = { under: [me, 'posts'], with: [Name, CommonMark] } as const
  return {
    publish: async ({ slug, title, text, tags }, picture) => {
      await space.at('posts', slug).edit(draft => {
        draft.set(draft.before === undefined ? CreatedAt : UpdatedAt, BigInt(now()))
        draft.set(Name, title)
        draft.set(CommonMark, text)
        draft.set(Tags, [...tags].sort())
        if (picture === undefined) return
        const data = draft.blob(picture.png)
        draft.set(Image, { mime: 'image/png', size: undefined, alt: picture.alt, data })
      })
    },
    newest: async limit => (await space.query({ ...posts, limit }).all()).map(toPost),
    tagged: async tag => {
      const all = await space.query({ ...posts, orderBy: { by: view => view.get(Name) ?? '' } }).all()
      return all.map(toPost).filter(({ tags }) => tags.includes(tag))
    },
    reply: async (to, text) => {
      if (to.place === undefined) throw new TypeError('expected a post that stands somewhere')
      const link = await space.entity(to.place).link({ snapshot: true })
      await space.at('replies', BigInt(now())).edit(draft => {
        draft.set(CommonMark, text)
        draft.set(ReplyTo, link)
        // Its bytes stay with the answer, whatever becomes of the post.
        draft.pin(to)
      })
    },
    follow: onDiff => space.watch(posts, onDiff),
    file: () => leaf.export(space).bytes(),
  }
}

function toPost(view: EntityView): Post {
  const slug = view.place?.path.at(-1)
  return {
    slug: slug?.variant === 'String' ? slug.value : '',
    title: view.get(Name) ?? '',
    text: view.get(CommonMark) ?? '',
    tags: view.get(Tags) ?? [],
  }
}
