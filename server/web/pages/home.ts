/** The home page: what runs here, how to come in, and the network's pulse. */
import { html } from 'hono/html'
import { copyBlock, csrfField, page, type Html, type PageOptions, type Viewer } from '../layout.ts'

export interface HomeModel {
  readonly frame: Pick<PageOptions, 'viewer' | 'development' | 'asset'>
  readonly publicUrl: string
  /** Where people get their names; undefined: there is no PDS, and nobody signs in. */
  readonly handleDomain: string | undefined
  readonly systems: readonly SystemLine[]
  /** The DID that tokens for streams name; undefined: there are no streams. */
  readonly streamsDid: string | undefined
  readonly messengerUrl: string | undefined
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
    {
      ...frame,
      title: 'Home',
      wide: true,
      scripts: ['feed.js', 'copy.js', ...(model.streamsDid === undefined ? [] : ['stream-demo.js'])],
    },
    html`<section>
      <h1>Your community’s own corner of the open social web</h1>
      <p class="lead">Sign in with an account you already have. Your name, your posts and your keys live here, and every
        app that speaks ATProto can use them.</p>
      ${wayIn(model)}
    </section>
    <div class="pair">
      <section class="card" aria-labelledby="runs">
        <h2 id="runs">What runs here</h2>
        <ul class="rows">${model.systems.map(system => systemRow(system, model))}</ul>
      </section>
      ${model.handleDomain === undefined ? '' : firehose()}
    </div>
    ${model.streamsDid === undefined ? '' : streamCard(model, model.streamsDid)}
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

/** A stream to try: made from a module, written to, watched. */
function streamCard(model: HomeModel, streamsDid: string): Html {
  const { viewer } = model.frame
  return html`<section class="card apart" aria-labelledby="stream">
      <h2 id="stream">A stream of your own <span class="tag" data-stream-state>needs script</span></h2>
      <p class="soft">A log of events whose rules are SQL that you bring. This one is a guestbook: its module says what a line
        may be, and keeps the lines in a table. Whoever follows the stream sees a line the moment it is stored.</p>
      ${viewer === undefined ? html`<p><a class="button quiet" href="/sign-in?return_to=/">Sign in to make one</a></p>` : streamForm(viewer)}
      <ul class="feed" id="stream-events" aria-live="polite" aria-label="Lines of the guestbook">
        <li class="empty">Nothing yet. ${viewer === undefined ? 'Sign in and send' : 'Send'} a first line: that makes the stream.</li>
      </ul>
      <p class="soft small" data-stream-facts hidden>The stream is <code data-did></code>, its module
        <code data-cid></code>. <a data-log href="/streams">Its log</a> is open to everybody, because the module says so.</p>
      <details>
        <summary>The same from a program</summary>
        ${copyBlock(snippetOf(model, streamsDid), 'A program that follows the stream')}
      </details>
    </section>`
}

function streamForm({ handle, csrf }: Viewer): Html {
  return html`<form method="post" action="/account/service-token" data-stream-demo data-account="${handle}">
        ${csrfField(csrf)}
        <label for="stream-line">A line for the guestbook</label>
        <div class="inline">
          <div class="field"><input id="stream-line" type="text" name="line" maxlength="280" required autocomplete="off"></div>
          <button>Send</button>
        </div>
        <p class="hint" data-stream-note role="status"></p>
      </form>`
}

function snippetOf({ publicUrl }: HomeModel, streamsDid: string): string {
  return `import { AtpAgent } from '@atproto/api'
import { LeafClient } from '@muni-town/leaf-client'

const agent = new AtpAgent({ service: '${publicUrl}' })
await agent.login({ identifier: 'you', password: 'an app password' })

const leaf = new LeafClient('${publicUrl}', async () => {
  const { data } = await agent.com.atproto.server.getServiceAuth({
    aud: '${streamsDid}', lxm: 'town.muni.leaf.authenticate' })
  return data.token
})
leaf.on('authenticated', () =>
  leaf.subscribeEvents('did:plc:…', { name: 'lines', params: {}, start: 1 }, console.log))`
}

function systemRow(system: SystemLine, model: HomeModel): Html {
  return html`<li><div>
      <h3><span class="dot ${system.ok ? '' : 'off'}" aria-hidden="true"></span>${system.name}
        <span class="visually-hidden">${system.ok ? 'runs' : 'has a problem'}</span></h3>
      <div>${purposes[system.name] ?? ''}</div>
      <div class="soft">${system.line}</div>
      ${system.name === 'skrepka' && model.messengerUrl !== undefined ? html`<div><a href="${model.messengerUrl}">Open the messenger</a></div>` : ''}
      ${system.name === 'entities' ? html`<div><a href="/entities/browse">Look at what is public</a></div>` : ''}
    </div></li>`
}
