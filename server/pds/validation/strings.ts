/** What lexicons say about strings: formats and lengths. */
import { cidFromString } from '@leaf/atproto/cid'
import {
  isAtIdentifierString,
  isAtUriString,
  isDatetimeString,
  isValidDid,
  isValidHandle,
  isValidNsid,
  isValidRecordKey,
  isValidTid,
  isValidUri,
  parseLanguageString,
} from '@atproto/syntax'

/** Whether `text` is a CID: ours in their canonical form, others by their looks. */
export function isCidText(text: string): boolean {
  if (!/^baf[yk]rei[a-z2-7]{52}$/.test(text)) return foreignCid.test(text)
  try {
    cidFromString(text)
    return true
  } catch {
    return false // MalformedError: bits that base32 has too many are not zero
  }
}

// Records may quote CIDs of other versions, codecs and hashes; nothing of ours has them.
const foreignCid =
  /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|z[1-9A-HJ-NP-Za-km-z]{40,110}|b(?!af[yk]rei)[a-z2-7]{40,110})$/

/** A test for each format that a lexicon's string may have. https://atproto.com/specs/lexicon#string-formats */
export const stringFormats: ReadonlyMap<string, (text: string) => boolean> = new Map<
  string,
  (text: string) => boolean
>([
  ['at-identifier', isAtIdentifierString],
  ['at-uri', text => isAtUriString(text)],
  ['cid', isCidText],
  ['datetime', isDatetimeString],
  ['did', isValidDid],
  ['handle', isValidHandle],
  ['language', text => parseLanguageString(text) !== null],
  ['nsid', isValidNsid],
  ['record-key', isValidRecordKey],
  ['tid', isValidTid],
  ['uri', isValidUri],
])

/** Bytes of a text in UTF-8. */
export const utf8Length = (text: string): number => Buffer.byteLength(text)

let segmenter: Intl.Segmenter | undefined

/** How many characters a person sees. */
export function graphemeLength(text: string): number {
  segmenter ??= new Intl.Segmenter()
  let count = 0
  for (const _ of segmenter.segment(text)) count += 1
  return count
}
