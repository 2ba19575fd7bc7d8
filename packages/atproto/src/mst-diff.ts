/** What differs between two trees, without loading what they share. */
import { type Cid, cidEquals } from './cid.ts'
import { MalformedError } from './errors.ts'
import { keyLayer, layerMax } from './mst-node.ts'
import { fetchNode, type NodeSource } from './node-source.ts'

/** A key that differs: `prev` null is new, `cid` null is gone. */
export interface TreeDifference {
  readonly key: string
  readonly prev: Cid | null
  readonly cid: Cid | null
}

/**
 * The keys whose CIDs differ, ascending. `before` null: nothing was there. Throws MalformedError when keys do not ascend,
 * MissingBlockError when a node that differs is not there.
 */
export async function* diffTrees(
  source: NodeSource,
  before: Cid | null,
  after: Cid,
): AsyncGenerator<TreeDifference, void, undefined> {
  const old = createSide(source, before)
  const now = createSide(source, after)
  for (;;) {
    const a = old.head()
    const b = now.head()
    if (a === undefined && b === undefined) return
    if (a?.kind === 'tree' && b?.kind === 'tree' && cidEquals(a.cid, b.cid)) {
      old.pass()
      now.pass()
      continue
    }
    if (a?.kind === 'tree' && (b?.kind !== 'tree' || a.layer >= b.layer)) {
      await old.open()
      continue
    }
    if (b?.kind === 'tree') {
      await now.open()
      continue
    }
    const isOld = a?.kind === 'entry' && (b === undefined || a.key <= b.key)
    const isNew = b !== undefined && (a?.kind !== 'entry' || b.key <= a.key)
    if (isOld) old.pass()
    if (isNew) now.pass()
    const prev = isOld ? a.cid : null
    const cid = isNew ? b.cid : null
    if (prev !== null && cid !== null && cidEquals(prev, cid)) continue
    yield { key: isNew ? b.key : isOld ? a.key : '', prev, cid }
  }
}

type Item =
  | { readonly kind: 'tree'; readonly cid: Cid; readonly layer: number }
  | { readonly kind: 'entry'; readonly cid: Cid; readonly key: string }

interface Side {
  head(): Item | undefined
  pass(): void
  /** Puts what is in the subtree at the head in its place. */
  open(): Promise<void>
}

function createSide(source: NodeSource, root: Cid | null): Side {
  const stack: Item[] = root === null ? [] : [{ kind: 'tree', cid: root, layer: layerMax + 1 }]
  let previous = ''
  const pass = () => {
    const item = stack.pop()
    if (item?.kind !== 'entry') return
    if (item.key <= previous) throw new MalformedError(`the key ${item.key} is out of order in the tree`, 0)
    previous = item.key
  }
  return {
    head: () => stack.at(-1),
    pass,
    open: async () => {
      const item = stack.pop()
      if (item?.kind !== 'tree') return
      const node = await fetchNode(source, item.cid)
      const first = node.keys[0]
      const layer = item.layer > layerMax && first !== undefined ? keyLayer(first, source.sha256) : item.layer
      if (layer < 0) throw new MalformedError('the tree is deeper than its layers', 0)
      for (let index = node.keys.length; index >= 0; index -= 1) {
        const tree = node.trees[index] ?? null
        if (tree !== null) stack.push({ kind: 'tree', cid: tree, layer: layer - 1 })
        const key = node.keys[index - 1]
        const cid = node.values[index - 1]
        if (key !== undefined && cid !== undefined) stack.push({ kind: 'entry', cid, key })
      }
    },
  }
}
