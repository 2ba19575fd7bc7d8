/** The entity browser: namespace → subspace → path → components, each with what its schema says of itself. */
import { html } from 'hono/html'
import { CreatedAt, Image, UpdatedAt } from '@leaf/entities/leaf/well-known'
import type { LockedComponent } from '@leaf/entities/api/view'
import { equalBytes } from '@leaf/entities/willow/path'
import { hexOf } from '../../entities/hex.ts'
import type { DecodedComponent } from '../../entities/http/entity-json.ts'
import { formatToJson, partOf } from '../../entities/http/value-json.ts'
import { copyBlock, type Html, page, type PageOptions } from '../layout.ts'
import { momentHtml, payloadUrl, valueHtml } from './entities-value.ts'

type Frame = Pick<PageOptions, 'viewer' | 'development' | 'asset'>

export interface Crumb {
  readonly text: string
  readonly href: string
}

/** A row that leads on. */
export interface NameRow {
  readonly text: string
  readonly href: string
  /** Behind the name. */
  readonly note?: string
}

export interface NamesModel {
  readonly frame: Frame
  readonly title: string
  readonly lead: string
  readonly crumbs: readonly Crumb[]
  readonly rows: readonly NameRow[]
  /** What to do when there are none. */
  readonly empty: Html
  readonly next: string | undefined
}

export interface LockedRow extends LockedComponent {
  /** Of the algorithm, if it is known. */
  readonly name: string | undefined
}

export interface ShownEntity {
  readonly time: number
  readonly snapshot: string
  readonly open: readonly DecodedComponent[]
  readonly locked: readonly LockedRow[]
  /** Parts that have not arrived. */
  readonly missing: number
}

export interface EntityModel {
  readonly frame: Frame
  readonly crumbs: readonly Crumb[]
  readonly title: string
  /** Whose it is: a handle or DID, or the key. */
  readonly owner: string
  readonly isOwn: boolean
  readonly publicUrl: string
  /** Of the JSON. */
  readonly jsonPath: string
  /** Undefined: there is no entity at this very path. */
  readonly entity: ShownEntity | undefined
  readonly children: readonly NameRow[]
  readonly next: string | undefined
}

function frameOf(frame: Frame, title: string, body: Html): Html {
  return page(
    { ...frame, title, wide: true, scripts: ['copy.js'] },
    html`<link rel="stylesheet" href="${frame.asset('entities.css')}">${body}`,
  )
}

function crumbsHtml(crumbs: readonly Crumb[]): Html {
  return html`<nav aria-label="Where you are"><ol class="crumbs">${crumbs.map(
    ({ text, href }) => html`<li><a href="${href}">${text}</a></li>`,
  )}</ol></nav>`
}

function namesHtml(rows: readonly NameRow[]): Html {
  return html`<ul class="names">${rows.map(
    row =>
      html`<li><a href="${row.href}"><span>${row.text}</span>${
        row.note === undefined ? '' : html`<span class="soft small">${row.note}</span>`
      }</a></li>`,
  )}</ul>`
}

function nextHtml(next: string | undefined): Html | string {
  return next === undefined ? '' : html`<p><a class="button quiet" href="${next}" rel="next">More</a></p>`
}

/** A list of namespaces or subspaces. */
export function namesPage(model: NamesModel): Html {
  return frameOf(
    model.frame,
    model.title,
    html`${crumbsHtml(model.crumbs)}
    <h1>${model.title}</h1>
    <p class="lead">${model.lead}</p>
    <section class="card">${model.rows.length === 0 ? model.empty : namesHtml(model.rows)}${nextHtml(model.next)}</section>
    <section class="card">
      <h2>Go to somebody’s</h2>
      <form method="get" action="/entities/browse" class="inline field">
        <div class="field"><label for="who">A subspace’s key, or the DID of somebody here</label>
          <input type="text" id="who" name="who" maxlength="300" autocomplete="off" autocapitalize="none" spellcheck="false" required></div>
        <button class="quiet">Go</button>
      </form>
    </section>`,
  )
}

/** One place: its components, and what stands below it. */
export function entityPage(model: EntityModel): Html {
  const { entity, children } = model
  return frameOf(
    model.frame,
    model.title,
    html`${crumbsHtml(model.crumbs)}
    <h1>${model.title}</h1>
    <p class="soft">${model.isOwn ? 'Yours: you see all of it, others only what you have made public.' : html`By <span class="mono">${model.owner}</span>`}</p>
    ${entity === undefined ? '' : entityHtml(entity)}
    ${children.length === 0 ? (entity === undefined ? emptyPlace() : '') : html`<section class="card" aria-labelledby="below"><h2 id="below">${entity === undefined ? 'Entities' : 'Below it'}</h2>${namesHtml(children)}${nextHtml(model.next)}</section>`}
    <section class="apart">
      <h2>The same for programs</h2>
      ${copyBlock(`curl ${model.publicUrl}${model.jsonPath}`, 'A request for this place as JSON')}
    </section>`,
  )
}

function emptyPlace(): Html {
  return html`<section class="card"><p class="empty">There is nothing public at this place.</p></section>`
}

function entityHtml(entity: ShownEntity): Html {
  const count = entity.open.length + entity.locked.length
  return html`${entity.missing > 0 ? html`<p class="notice warn">${entity.missing} of its parts have not arrived here yet.</p>` : ''}
    ${count === 0 && entity.missing === 0 ? html`<section class="card"><p class="empty">This entity has no components.</p></section>` : ''}
    ${entity.open.map(openHtml)}
    ${entity.locked.map(lockedHtml)}
    <p class="soft small">Written ${momentHtml(entity.time)}. Snapshot <span class="mono">${entity.snapshot}</span></p>`
}

function openHtml({ component, schema, decoded }: DecodedComponent): Html {
  const name = schema?.name ?? 'Something of an unknown kind'
  return html`<section class="card component" aria-label="${name}">
    <h2>${name} ${schema?.unspecified === true ? html`<span class="tag">not documented</span>` : ''}</h2>
    <div class="value">${
      schema === undefined || decoded === undefined
        ? html`<p class="soft">${component.data.length} bytes${schema === undefined ? ', whose schema is not here' : ' that are not what its schema says'}.</p>`
        : decodedHtml(component.schema, schema, decoded.value)
    }</div>
    <div class="doc">${schema === undefined ? '' : schema.text.slice(0, docCharsMax)}<details><summary>Details</summary>
      <dl class="facts">
        <dt>Component</dt><dd class="mono">${hexOf(component.id)}</dd>
        <dt>Schema</dt><dd class="mono">${hexOf(component.schema)}</dd>
        ${schema === undefined ? '' : html`<dt>Format</dt><dd class="mono">${JSON.stringify(formatToJson(schema.format))}</dd>`}
      </dl></details></div>
  </section>`
}

const docCharsMax = 4000

function decodedHtml(
  id: Uint8Array,
  schema: NonNullable<DecodedComponent['schema']>,
  value: unknown,
): Html | string {
  if (equalBytes(id, CreatedAt.id) || equalBytes(id, UpdatedAt.id)) return momentHtml(value)
  const data = equalBytes(id, Image.id) ? partOf(value, 'data') : undefined
  if (!(data instanceof Uint8Array)) return valueHtml(schema.format, value)
  return html`<img src="${payloadUrl(data)}" alt="${String(partOf(value, 'alt'))}" loading="lazy" decoding="async">
    ${valueHtml(schema.format, value)}`
}

function lockedHtml(component: LockedRow): Html {
  return html`<section class="card component locked" aria-label="Locked">
    <h2>Locked</h2>
    <div class="value"><p>${component.bytes} bytes that only the owner of a key can read.</p></div>
    <div class="doc">${component.name === undefined ? '' : html`Encrypted with ${component.name}. `}This server has no key to it.<details><summary>Details</summary>
      <dl class="facts">
        <dt>Component</dt><dd class="mono">${hexOf(component.id)}</dd>
        <dt>Algorithm</dt><dd class="mono">${hexOf(component.algorithm)}</dd>
        <dt>Key</dt><dd class="mono">${hexOf(component.keyId)}</dd>
      </dl></details></div>
  </section>`
}
