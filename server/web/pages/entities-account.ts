/** `/account/entities`: the subspace that a person's devices write, and its tie to her name. */
import { html } from 'hono/html'
import { hexOf } from '../../entities/hex.ts'
import { copyBlock, csrfField, type Html, page, type PageOptions, type Viewer } from '../layout.ts'

export interface SubspaceRow {
  readonly subspace: Uint8Array
  readonly namespace: Uint8Array
  readonly entries: number
  readonly entriesMax: number
  readonly bytes: number
  readonly bytesMax: number
  readonly linked: string
  /** Whether the record in her repository names this subspace. */
  readonly isNamed: boolean
  /** What the profile entity says of her DID. */
  readonly profile: 'names her' | 'names somebody else' | 'says nothing'
}

export interface EntitiesAccountModel {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly viewer: Viewer
  readonly did: string
  readonly publicUrl: string
  readonly subspaces: readonly SubspaceRow[]
  readonly notice?: { readonly kind: 'good' | 'bad'; readonly text: string } | undefined
}

export function entitiesAccountPage(model: EntitiesAccountModel): Html {
  const { viewer, notice } = model
  return page(
    { ...model.frame, viewer, title: 'Your entities', scripts: ['copy.js'] },
    html`<link rel="stylesheet" href="${model.frame.asset('entities.css')}">
    <h1>Your entities</h1>
    <p class="lead">Your devices keep entities in a subspace of their own: what they write is signed by a key that never
      leaves them. Linked with your account, this server keeps a copy that your devices sync with.</p>
    ${notice === undefined ? '' : html`<p class="notice ${notice.kind === 'bad' ? 'bad' : ''}" role="status">${notice.text}</p>`}
    ${model.subspaces.map(row => subspaceCard(row, model))}
    ${linkCard(model)}`,
  )
}

function subspaceCard(row: SubspaceRow, { viewer }: EntitiesAccountModel): Html {
  const key = hexOf(row.subspace)
  return html`<section class="card" aria-label="Subspace ${key.slice(0, 8)}">
    <h2>Subspace <span class="mono">${key.slice(0, 8)}…</span> ${tieTag(row)}</h2>
    <dl class="facts">
      <dt>Key</dt><dd class="mono">${key}</dd>
      <dt>Linked</dt><dd>${row.linked}</dd>
      <dt>Your name says</dt><dd>${row.isNamed ? 'The record in your repository names this subspace.' : 'The record in your repository names another subspace, or none. Link again to renew it.'}</dd>
      <dt>The subspace says</dt><dd>${profileSentence(row.profile)}</dd>
      <dt>Entries</dt><dd>${row.entries.toLocaleString('en')} of ${row.entriesMax.toLocaleString('en')}<progress max="${row.entriesMax}" value="${row.entries}" aria-label="Entries"></progress></dd>
      <dt>Bytes</dt><dd>${megabytes(row.bytes)} of ${megabytes(row.bytesMax)}<progress max="${row.bytesMax}" value="${row.bytes}" aria-label="Bytes"></progress></dd>
    </dl>
    <p><a class="button quiet" href="/entities/browse/${hexOf(row.namespace)}/${key}">Look at it</a></p>
    <details><summary>Unlink it</summary>
      <form method="post" action="/account/entities/unlink">${csrfField(viewer.csrf)}
        <input type="hidden" name="subspace" value="${key}">
        <p>This removes this server’s copy of subspace ${key.slice(0, 8)}… and the record in your repository. What is on your devices stays.</p>
        <button class="danger">Unlink ${key.slice(0, 8)}…</button>
      </form>
    </details>
  </section>`
}

function tieTag({ isNamed, profile }: SubspaceRow): Html {
  if (profile === 'names somebody else') return html`<span class="tag">taken back</span>`
  return isNamed
    ? html`<span class="tag">verified both ways</span>`
    : html`<span class="tag">one way only</span>`
}

function profileSentence(profile: SubspaceRow['profile']): string {
  if (profile === 'names her') return 'Its key has signed your DID, and its profile names you.'
  if (profile === 'says nothing')
    return 'Its key has signed your DID. Its profile does not name you yet; that is well.'
  return 'Its profile names somebody else, which takes the proof back.'
}

const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`

function linkCard({ viewer, did, subspaces }: EntitiesAccountModel): Html {
  return html`<section class="card" aria-labelledby="link">
    <h2 id="link">${subspaces.length === 0 ? 'Link your subspace' : 'Link again, or another one'}</h2>
    <p>An app of yours that keeps entities can make the proof: a word that begins with <code>leaf1.</code> and says, signed by
      your key, that the subspace is yours. In the terminal:</p>
    ${copyBlock(`leaf entity link --did ${did}`, 'A command that makes the proof')}
    <form method="post" action="/account/entities/link" class="field">${csrfField(viewer.csrf)}
      <div class="field"><label for="proof">The proof</label>
        <textarea id="proof" name="proof" rows="4" maxlength="400" required spellcheck="false" autocapitalize="none" placeholder="leaf1.…"></textarea>
        <p class="hint">It holds for your account only, and is no secret.</p></div>
      <button>Link</button>
    </form>
  </section>`
}
