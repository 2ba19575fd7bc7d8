/** Values of components for people, by their schema. Whatever strangers wrote is shown as text. */
import { html } from 'hono/html'
import type { KeyResolverKind, Link } from '@leaf/codec/borsh/references'
import type { BorshSchema } from '@leaf/codec/borsh/schema-type'
import { hexOf } from '../../entities/hex.ts'
import { isLink, partOf } from '../../entities/http/value-json.ts'
import { pathToText } from '../../entities/path-text.ts'
import type { Html } from '../layout.ts'

type Shown = Html | string

/** Items of a list and bytes that are shown. */
const itemsMax = 200
const bytesShown = 64
const textCharsMax = 20_000

/** A value that the schema's codec gave. */
export function valueHtml(schema: BorshSchema, value: unknown): Shown {
  switch (schema.kind) {
    case 'null':
      return html`<span class="soft">nothing</span>`
    case 'bool':
      return value === true ? 'yes' : 'no'
    case 'string':
      return textHtml(String(value))
    case 'option':
      return value === undefined ? html`<span class="soft">none</span>` : valueHtml(schema.item, value)
    case 'vector':
    case 'array':
    case 'set':
      return value instanceof Uint8Array ? bytesHtml(value) : listHtml(schema.item, value)
    case 'map':
      return value instanceof Map
        ? factsHtml(
            [...value].map(([key, item]) => [valueHtml(schema.key, key), valueHtml(schema.value, item)]),
          )
        : ''
    case 'struct':
      return factsHtml(schema.fields.map(([name, field]) => [name, valueHtml(field, partOf(value, name))]))
    case 'enum': {
      const name = String(partOf(value, 'variant'))
      const variant = schema.variants.find(([one]) => one === name)?.[1]
      if (variant === undefined || variant.kind === 'null') return html`<code>${name}</code>`
      return html`<code>${name}</code> ${valueHtml(variant, partOf(value, 'value'))}`
    }
    case 'blob':
      return value instanceof Uint8Array
        ? html`<a class="mono" href="${payloadUrl(value)}">${hexOf(value).slice(0, 16)}…</a>`
        : ''
    case 'snapshot':
      return value instanceof Uint8Array ? html`<span class="mono">${hexOf(value)}</span>` : ''
    case 'link':
      return isLink(value) ? linkHtml(value) : ''
    default:
      return String(value)
  }
}

export function payloadUrl(digest: Uint8Array): string {
  return `/entities/payload/${hexOf(digest)}`
}

/** A moment in milliseconds since 1970, as components have it. */
export function momentHtml(value: unknown): Shown {
  const date = new Date(Number(value))
  if (Number.isNaN(date.getTime())) return String(value)
  const text = date.toISOString()
  return html`<time datetime="${text}">${text.slice(0, 16).replace('T', ' ')} UTC</time>`
}

function textHtml(text: string): Shown {
  const url = text.length < 2000 && /^https?:\/\/\S+$/.test(text) ? URL.parse(text) : null
  if (url !== null) return html`<a href="${url.href}" rel="nofollow noopener ugc">${text}</a>`
  const cut = text.length > textCharsMax
  return html`<p class="prose">${cut ? `${text.slice(0, textCharsMax)}…` : text}</p>`
}

function listHtml(item: BorshSchema, value: unknown): Shown {
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  if (items.length === 0) return html`<span class="soft">none</span>`
  const more = items.length - itemsMax
  return html`<ul>${items.slice(0, itemsMax).map(one => html`<li>${valueHtml(item, one)}</li>`)}</ul>
    ${more > 0 ? html`<p class="soft">and ${more} more</p>` : ''}`
}

function factsHtml(facts: readonly (readonly [Shown, Shown])[]): Shown {
  if (facts.length === 0) return html`<span class="soft">nothing</span>`
  return html`<dl class="facts">${facts
    .slice(0, itemsMax)
    .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
}

function bytesHtml(bytes: Uint8Array): Shown {
  const shown = hexOf(bytes.subarray(0, bytesShown))
  return html`<span class="mono">${shown}${bytes.length > bytesShown ? '…' : ''}</span>
    <span class="soft">${bytes.length} bytes</span>`
}

function linkHtml({ namespace, subspace, path, snapshot }: Link): Shown {
  const name = path.length === 0 ? 'its default entity' : pathToText(path)
  const state =
    snapshot === undefined
      ? ''
      : html`<div class="soft">in the state <span class="mono">${hexOf(snapshot).slice(0, 16)}…</span></div>`
  if (namespace.variant === 'Inline' && subspace.variant === 'Inline') {
    const address = `/entities/browse/${hexOf(namespace.value)}/${hexOf(subspace.value)}/${pathToText(path)}`
    return html`<a href="${address}">${name}</a>
      <div class="soft mono">in ${hexOf(subspace.value).slice(0, 16)}…</div>${state}`
  }
  return html`${name}<div class="soft">of ${keyText(subspace)}</div>${state}`
}

function keyText(key: KeyResolverKind): string {
  if (key.variant === 'Inline') return `${hexOf(key.value).slice(0, 16)}…`
  const text = Buffer.from(key.value.data).toString()
  return /^[\x20-\x7e]{1,300}$/.test(text) ? text : `a key that ${hexOf(key.value.id).slice(0, 16)}… finds`
}
