/** The home page: what runs here, how to come in, and the network's pulse. */
import { html } from 'hono/html'
import { copyBlock, page, type Html, type PageOptions } from '../layout.ts'

export interface HomeModel {
  readonly frame: Pick<PageOptions, 'viewer' | 'development' | 'asset'>
  readonly publicUrl: string
  /** Where people get their names; undefined: there is no PDS, and nobody signs in. */
  readonly handleDomain: string | undefined
  readonly systems: readonly SystemLine[]
}

/** One system: its word, what it is for, and what it says of itself now. */
export interface SystemLine {
  readonly name: string
  readonly ok: boolean
  readonly line: string
}

const purposes: Readonly<Record<string, string>> = {
  pds: 'Identities and public records, for any ATProto app',
  streams: 'Event streams with SQL modules',
  entities: 'Typed components, synced between devices',
  skrepka: 'End-to-end encrypted mail between servers',
}

/** `/` */
export function homePage(model: HomeModel): Html {
  const { frame } = model
  return page(
    { ...frame, title: 'Home', wide: true, scripts: ['feed.js', 'copy.js'] },
    html`<section>
      <h1>Your community’s own corner of the open social web</h1>
      <p class="lead">Sign in with an account you already have. Your name, your posts and your keys live here, and every
        app that speaks ATProto can use them.</p>
      ${wayIn(model)}
    </section>
    <div class="pair">
      <section class="card" aria-labelledby="runs">
        <h2 id="runs">What runs here</h2>
        <ul class="rows">${model.systems.map(systemRow)}</ul>
      </section>
      ${model.handleDomain === undefined ? '' : firehose()}
    </div>
    <section class="apart" aria-labelledby="ask">
      <h2 id="ask">Ask it something</h2>
      <p class="soft">It speaks plain HTTP. For example:</p>
      ${copyBlock(`curl ${model.publicUrl}/${model.handleDomain === undefined ? '.well-known/did.json' : 'xrpc/com.atproto.server.describeServer'}`, 'A request to try')}
    </section>`,
  )
}

function firehose(): Html {
  return html`<section class="card" aria-labelledby="live">
        <h2 id="live">Live on the firehose <span class="tag" data-feed-state="feed">needs script</span></h2>
        <ul class="feed" id="feed" data-feed="/live" aria-live="polite">
          <li class="empty">Nothing yet. Sign in and write a first post: it appears here the moment it is stored.</li>
        </ul>
      </section>`
}

function wayIn(model: HomeModel): Html | string {
  if (model.handleDomain === undefined) return ''
  if (model.frame.viewer !== undefined)
    return html`<p><a class="button" href="/account">Go to your account</a></p>`
  return html`<p><a class="button" href="/sign-in">Sign in or join</a></p>
      <p class="soft small">You choose a name such as <strong>@you.${model.handleDomain}</strong>.
        ${model.frame.development === true ? 'This server runs in development: nothing here leaves this machine.' : ''}</p>`
}

function systemRow(system: SystemLine): Html {
  return html`<li><div>
      <h3><span class="dot ${system.ok ? '' : 'off'}" aria-hidden="true"></span>${system.name}
        <span class="visually-hidden">${system.ok ? 'runs' : 'has a problem'}</span></h3>
      <div>${purposes[system.name] ?? ''}</div>
      <div class="soft">${system.line}</div>
    </div></li>`
}
