/** Pages of mail as JSON: small ones as a text, large ones in pieces that are read as they are sent. */
import type { ReadTx } from '../../kernel/storage/database.ts'
import type { RelayAnswer } from '../contract.ts'
import { readMessage } from '../database/messages.ts'
import type { Page } from '../mailbox/collect.ts'
import type { Vault } from '../mailbox/vault.ts'

/** Bytes of a blob that are encoded at a time. */
const pieceBytes = 256 * 1024

export interface PageReader {
  /** The blob of an event; undefined when somebody acknowledged it meanwhile. */
  blob(page: Page, index: number): Promise<Uint8Array | undefined>
}

export function createPageReader(deps: {
  readonly direct: Pick<ReadTx, 'get'>
  readonly vault: Vault
}): PageReader {
  return {
    blob: async (page, index) => {
      const row = page.rows?.[index]
      if (row !== undefined) return deps.vault.open(row)
      const head = page.events[index]
      const found = head === undefined ? undefined : await readMessage(deps.direct, page.box, head.seq)
      return found === undefined ? undefined : deps.vault.open(found)
    },
  }
}

/**
 * `{"cursor":…,"events":[{"encryptedBlob":"…"},…]}`. `legacy` adds what one generation of clients asks for: whether it
 * is logged in, and whether the page is only a sign of life.
 */
export function pageBody(
  page: Page,
  options: { readonly legacy: boolean; readonly vault: Vault; readonly reader: PageReader },
): RelayAnswer['body'] {
  const { legacy, vault } = options
  const head = `{${legacy ? '"authorized":true,' : ''}"cursor":${page.cursor},"events":[`
  const tail = legacy ? `],"heartbeat":${page.events.length === 0}}` : ']}'
  if (page.events.length === 0) return head + tail
  if (page.rows === undefined) return inPieces(page, { head, tail, reader: options.reader })
  let text = head
  for (const row of page.rows) {
    const blob = vault.openInline(row)
    if (blob === undefined) return inPieces(page, { head, tail, reader: options.reader })
    text += text.length === head.length ? '{"encryptedBlob":"' : ',{"encryptedBlob":"'
    text += `${hexOf(blob)}"}`
  }
  return text + tail
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

async function* inPieces(
  page: Page,
  { head, tail, reader }: { readonly head: string; readonly tail: string; readonly reader: PageReader },
): AsyncGenerator<Uint8Array> {
  let isFirst = true
  let text = head
  for (let index = 0; index < page.events.length; index += 1) {
    const blob = await reader.blob(page, index)
    if (blob === undefined) continue
    text += isFirst ? '{"encryptedBlob":"' : ',{"encryptedBlob":"'
    isFirst = false
    for (let at = 0; at < blob.length; at += pieceBytes) {
      yield Buffer.from(text + hexOf(blob.subarray(at, at + pieceBytes)), 'latin1')
      text = ''
    }
    text += '"}'
  }
  yield Buffer.from(text + tail, 'latin1')
}
