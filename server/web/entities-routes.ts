/** `/entities/browse` for everybody. */
import type { EntityState } from '@leaf/entities/api/reader'
import type { EntityPath } from '@leaf/entities/leaf/entity-path'
import { CommonMark, Description, Image, Name } from '@leaf/entities/leaf/well-known'
import { unixMsOf } from '@leaf/entities/willow/timestamp'
import { html } from 'hono/html'
import { hexOf, id32Of } from '../entities/hex.ts'
import { type DecodedComponent, decodeComponent } from '../entities/http/entity-json.ts'
import { readNamespace, readPlace } from '../entities/http/places.ts'
import type { Entities } from '../entities/index.ts'
import { componentToText, pathToText, readPathText } from '../entities/path-text.ts'
import { anybody, type SubspaceView } from '../entities/store/reading.ts'
import { Refusal } from '../kernel/errors.ts'
import type { Route } from '../kernel/http/route.ts'
import { type Exchange, seeOther, sendPage } from '../pds/auth/page-http.ts'
import type { PageOptions, Viewer } from './layout.ts'
import { type Crumb, entityPage, namesPage, type ShownEntity } from './pages/entities.ts'

/** Who looks, if she is signed in. */
export interface BrowsingViewer extends Viewer {
  readonly did: string
}

export interface BrowseDeps {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly publicUrl: string
  readonly entities: Entities
  readonly viewerOf: (exchange: Exchange) => Promise<BrowsingViewer | undefined>
  /** How people know a DID; undefined: nobody here has it. */
  readonly handleOf: (did: string) => Promise<string | undefined>
}

const base = '/entities/browse'
const rowsMax = 50
const cursorCharsMax = 20_000
const home: Crumb = { text: 'Entities', href: base }

export function browseRoutes(deps: BrowseDeps): Route[] {
  const handle: Route['handle'] = async (request, response, context) => {
    const url = request.url ?? '/'
    const [path = '', search = ''] = url.split('?')
    const exchange = { request, response, context, query: new URLSearchParams(search) }
    await show(exchange, path.slice(base.length).replace(/^\//, ''), deps)
  }
  return [
    { path: base, methods: ['GET'], handle },
    { path: `${base}/*`, methods: ['GET'], handle },
  ]
}

async function show(exchange: Exchange, rest: string, deps: BrowseDeps): Promise<void> {
  const who = exchange.query.get('who')?.trim()
  if (rest === '' && who !== undefined && who !== '') return seeOther(exchange, await addressOf(who, deps))
  if (rest === '') return showNamespaces(exchange, deps)
  const { namespace, subspace, path } = await readPlace(deps.entities.database, rest)
  if (subspace === undefined) return showSubspaces(exchange, namespace, deps)
  return showEntity(exchange, { namespace, subspace, path }, deps)
}

/** Where a key, a DID or an address of an entity leads. */
async function addressOf(who: string, { entities }: BrowseDeps): Promise<string> {
  const key = id32Of(who)
  if (key !== undefined) return `${base}/communal/${hexOf(key)}`
  const { subspace } = await readPlace(entities.database, `communal/${who.replaceAll('/', '')}`)
  return subspace === undefined ? base : `${base}/communal/${hexOf(subspace)}`
}

async function showNamespaces(exchange: Exchange, deps: BrowseDeps): Promise<void> {
  const viewer = await deps.viewerOf(exchange)
  const { namespaces } = deps.entities
  const own = viewer === undefined ? [] : await deps.entities.membership.linkedBy(viewer.did)
  const rows = [
    ...own.map(({ namespace, subspace }) => ({
      text: 'Your own subspace',
      href: `${base}/${hexOf(namespace)}/${hexOf(subspace)}`,
      note: hexOf(subspace).slice(0, 8),
    })),
    ...namespaces.map(namespace => ({ text: namespaceName(namespace), href: `${base}/${namespace}` })),
  ]
  const model = {
    frame: { ...deps.frame, viewer },
    title: 'Entities',
    lead: 'Typed, self-describing things that people’s devices keep here in sync. You see what their owners made public.',
    crumbs: [home],
    rows,
    empty: html`<p class="empty">Nothing is kept here.</p>`,
    next: undefined,
  }
  sendPage(exchange, { html: namesPage(model).toString() })
}

async function showSubspaces(exchange: Exchange, namespace: Uint8Array, deps: BrowseDeps): Promise<void> {
  const viewer = await deps.viewerOf(exchange)
  const after = id32Of(exchange.query.get('after') ?? '')
  const { reading, membership } = deps.entities
  const found = await reading.publicSubspaces(namespace, after, rowsMax)
  const href = `${base}/${hexOf(namespace)}`
  const rows = await Promise.all(
    found
      .filter(subspace => subspace.length > 0)
      .map(async subspace => {
        const did = await membership.ownerOf(subspace)
        const handle = did === undefined ? undefined : await deps.handleOf(did)
        const text = handle === undefined ? (did ?? `${hexOf(subspace).slice(0, 16)}…`) : `@${handle}`
        return { text, href: `${href}/${hexOf(subspace)}`, note: hexOf(subspace).slice(0, 8) }
      }),
  )
  const last = found.length < rowsMax ? undefined : found.at(-1)
  const model = {
    frame: { ...deps.frame, viewer },
    title: namespaceName(hexOf(namespace)),
    lead: 'Subspaces in which something is public. Each belongs to whoever has its key.',
    crumbs: [home, { text: namespaceName(hexOf(namespace)), href }],
    rows,
    empty: html`<p class="empty">Nobody has made anything public yet. <code>leaf entity publish</code> does it for your own.</p>`,
    next: last === undefined ? undefined : `${href}?after=${hexOf(last)}`,
  }
  sendPage(exchange, { html: namesPage(model).toString() })
}

/** What people look at first; everything else stays in the order of ids. */
const firstKinds = [Name, Image, Description, CommonMark].map(({ id }) => hexOf(id))

function rankOf({ component }: DecodedComponent): number {
  const rank = firstKinds.indexOf(hexOf(component.schema))
  return rank < 0 ? firstKinds.length : rank
}

/** What the entity is called, if it says so. */
function nameOf(state: EntityState): string | undefined {
  const name = state.kind === 'ready' ? state.view.get(Name)?.trim() : undefined
  return name === '' ? undefined : name?.slice(0, nameCharsMax)
}

const nameCharsMax = 200

interface PlaceShown {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
  readonly path: EntityPath
}

async function showEntity(exchange: Exchange, place: PlaceShown, deps: BrowseDeps): Promise<void> {
  const { namespace, subspace, path } = place
  const { reading, membership } = deps.entities
  const viewer = await deps.viewerOf(exchange)
  const own = viewer === undefined ? [] : await membership.linkedBy(viewer.did)
  const eyes = viewer === undefined ? anybody : { subspaces: own.map(one => one.subspace) }
  const view = await reading.open(place, eyes)
  if (view === undefined)
    throw new Refusal('missing', 'nothing is public in this subspace, or it is not kept here')
  const state = await view.entity(path)
  const from = cursorOf(exchange.query)
  const { children, next } = await view.children(path, { from, limit: rowsMax })
  const address = `${base}/${hexOf(namespace)}/${hexOf(subspace)}`
  const did = await membership.ownerOf(subspace)
  const handle = did === undefined ? undefined : await deps.handleOf(did)
  const owner = handle === undefined ? (did ?? hexOf(subspace)) : `@${handle}`
  const here = path.at(-1)
  const pathText = pathToText(path)
  const hrefOf = (below: EntityPath) => `${address}/${pathToText(below)}`
  const model = {
    frame: { ...deps.frame, viewer },
    crumbs: crumbsOf(place, owner, address),
    title: nameOf(state) ?? (here === undefined ? short(owner) : nameOfStep(componentToText(here))),
    owner,
    isOwn: own.some(one => hexOf(one.subspace) === hexOf(subspace)),
    publicUrl: deps.publicUrl,
    jsonPath: `/entities/v1/${hexOf(namespace)}/${hexOf(subspace)}${pathText === '' ? '' : `/${pathText}`}${state.kind === 'ready' ? '' : '?children'}`,
    entity: await shownOf(view, state),
    children: children.map(child => ({
      text: nameOfStep(componentToText(child.path.at(-1) ?? { variant: 'Null', value: null })),
      href: hrefOf(child.path),
      ...(child.isEntity ? {} : { note: 'leads further' }),
    })),
    next: next === undefined ? undefined : `${hrefOf(path)}?from=${Buffer.from(next).toString('base64url')}`,
  }
  sendPage(exchange, { html: entityPage(model).toString() })
}

async function shownOf(view: SubspaceView, state: EntityState): Promise<ShownEntity | undefined> {
  if (state.kind !== 'ready' && state.kind !== 'incomplete') return undefined
  const { entry } = state.entry
  const about = { time: unixMsOf(entry.timestamp), snapshot: hexOf(entry.digest) }
  if (state.kind === 'incomplete') return { ...about, open: [], locked: [], missing: state.missing.length }
  const open = (await Promise.all(state.view.open.map(one => decodeComponent(view, one)))).toSorted(
    (a, b) => rankOf(a) - rankOf(b),
  )
  const locked = await Promise.all(
    state.view.locked.map(async one => ({
      ...one,
      name: (await view.describeSpecified(one.algorithm))?.name,
    })),
  )
  return { ...about, open, locked, missing: 0 }
}

function crumbsOf({ namespace, path }: PlaceShown, owner: string, address: string): readonly Crumb[] {
  const steps = path.map((step, index) => ({
    text: nameOfStep(componentToText(step)),
    href: `${address}/${pathToText(path.slice(0, index + 1))}`,
  }))
  const space = { text: namespaceName(hexOf(namespace)), href: `${base}/${hexOf(namespace)}` }
  return [home, space, { text: short(owner), href: address }, ...steps]
}

function short(owner: string): string {
  return owner.length > 40 ? `${owner.slice(0, 16)}…` : owner
}

/** Texts are shown as they are; what is no text in the form of addresses. */
function nameOfStep(text: string): string {
  const [step] = readPathText(text)
  return step?.variant === 'String' && step.value !== '' && !step.value.startsWith('~') ? step.value : text
}

function namespaceName(namespace: string): string {
  return namespace === hexOf(readNamespace('communal'))
    ? 'The communal namespace'
    : `Namespace ${namespace.slice(0, 16)}…`
}

function cursorOf(query: URLSearchParams): Uint8Array | undefined {
  const text = query.get('from')
  if (text === null) return undefined
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length > cursorCharsMax)
    throw new Refusal('invalid', 'expected a page’s address as an earlier page gave it')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
