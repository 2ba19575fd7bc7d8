/** The official lexicon documents that come with Leaf (`lexicons/`), each read when first asked for. */
import { createRequire } from 'node:module'
import type { LexiconDocument } from './lexicon-types.ts'

/** Gives the document of an NSID, or undefined when none is known. */
export type ReadLexicon = (nsid: string) => LexiconDocument | undefined

/**
 * Reads documents from the program's own folder. Which there are is in its index: no path is built from a name that is
 * not listed there.
 */
export function createLexiconFiles(): ReadLexicon {
  const require = createRequire(import.meta.url)
  const folder = '../../../lexicons'
  let known: ReadonlySet<string> | undefined
  return nsid => {
    known ??= new Set<string>(require(`${folder}/index.json`))
    if (!known.has(nsid)) return undefined
    const document: unknown = require(`${folder}/${nsid.replaceAll('.', '/')}.json`)
    if (!isDocument(document) || document.id !== nsid)
      throw new Error(`lexicons/ has a bad document for ${nsid}`)
    return document
  }
}

function isDocument(value: unknown): value is LexiconDocument {
  return typeof value === 'object' && value !== null && 'id' in value && 'defs' in value
}
