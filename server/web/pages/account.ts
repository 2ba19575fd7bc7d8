/** The account page: a first post beside the firehose, a client to connect, and what belongs to the account. */
import { html } from 'hono/html'
import { copyBlock, csrfField, page, type Html, type PageOptions, type Viewer } from '../layout.ts'

export interface AccountModel {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly viewer: Viewer
  readonly publicUrl: string
  readonly did: string
  readonly email: string | undefined
  readonly emailConfirmed: boolean
  readonly status: string
  readonly recordCount: number
  readonly blobBytes: number
  readonly hasPassword: boolean
  /** Whether there is a page for her entities. */
  readonly hasEntities: boolean
  readonly identities: readonly IdentityRow[]
  readonly linkable: readonly { readonly id: string; readonly label: string }[]
  readonly sessions: readonly SessionRow[]
  readonly appPasswords: readonly { readonly name: string; readonly created: string }[]
  /** An app password just made: shown once, inside the snippet. */
  readonly fresh?: { readonly name: string; readonly password: string } | undefined
  readonly notice?: { readonly kind: 'good' | 'bad'; readonly text: string } | undefined
}

export interface IdentityRow {
  readonly provider: string
  readonly providerLabel: string
  readonly id: string
  readonly label: string
  readonly lastUsed: string
  /** False for the last way in. */
  readonly removable: boolean
}

export interface SessionRow {
  readonly id: string
  readonly what: string
  readonly lastUsed: string
  readonly here: boolean
}

/** `/account` */
export function accountPage(model: AccountModel): Html {
  const { viewer } = model
  return page(
    {
      ...model.frame,
      viewer,
      title: `@${viewer.handle}`,
      wide: true,
      scripts: ['feed.js', 'post.js', 'copy.js'],
    },
    html`<section>
      <h1>@${viewer.handle}</h1>
      <p class="soft mono">${model.did}</p>
      ${model.notice === undefined ? '' : notice(model.notice)}
      ${model.status === 'active' ? '' : html`<p class="notice warn">This account is ${model.status}: others cannot see it, and nothing can be written.</p>`}
    </section>
    <div class="pair">${postCard(model)}${feedCard(model)}</div>
    ${clientSection(model)}
    <div class="pair">${waysInCard(model)}${sessionsCard(model)}</div>
    <div class="pair">${appPasswordsCard(model)}${dataCard(model)}</div>`,
  )
}

function notice(model: NonNullable<AccountModel['notice']>): Html {
  return html`<p class="notice ${model.kind === 'bad' ? 'bad' : ''}" role="status">${model.text}</p>`
}

function postCard(model: AccountModel): Html {
  return html`<div class="card">
    <h2>${model.recordCount === 0 ? 'Write your first post' : 'Write a post'}</h2>
    <form method="post" action="/account/post" data-post>
      ${csrfField(model.viewer.csrf)}
      <div class="field">
        <label class="visually-hidden" for="text">Text</label>
        <textarea id="text" name="text" maxlength="3000" required placeholder="Hello, open social web."></textarea>
      </div>
      <button>Post</button>
      <p class="hint" data-post-note role="status">It is signed with your key and goes out on the firehose.</p>
    </form>
  </div>`
}

function feedCard(model: AccountModel): Html {
  return html`<div class="card">
    <h2>Live on the firehose <span class="tag" data-feed-state="feed">needs script</span></h2>
    <ul class="feed" id="feed" data-feed="/live?did=${model.did}" aria-live="polite">
      <li class="empty">What you write arrives here, as every relay and app receives it.</li>
    </ul>
  </div>`
}

/** The lines that connect a client; with a password in it only right after one was made. */
function clientSection(model: AccountModel): Html {
  const password = model.fresh?.password ?? 'xxxx-xxxx-xxxx-xxxx'
  return html`<section class="card" id="connect">
    <h2>Connect an app</h2>
    ${model.fresh === undefined ? snippetOffer(model) : html`<p class="notice">This is the app password “${model.fresh.name}”. It is shown only now; it is already in the lines below.</p>`}
    <h3>JavaScript, with @atproto/api</h3>
    ${copyBlock(
      `import { AtpAgent } from '@atproto/api'

const agent = new AtpAgent({ service: '${model.publicUrl}' })
await agent.login({ identifier: '${model.viewer.handle}', password: '${password}' })
await agent.post({ text: 'Hello from an app', createdAt: new Date().toISOString() })`,
      'Lines for @atproto/api',
    )}
    <h3>The terminal, with goat</h3>
    ${copyBlock(`goat account login --pds-host ${model.publicUrl} -u ${model.viewer.handle} -p ${password}`, 'A line for goat')}
    <h3>Bluesky and apps like it</h3>
    <dl class="facts">
      <dt>Hosting provider</dt><dd class="mono">${model.publicUrl}</dd>
      <dt>Name</dt><dd class="mono">${model.viewer.handle}</dd>
      <dt>Password</dt><dd class="mono">${password}</dd>
    </dl>
  </section>`
}

function snippetOffer(model: AccountModel): Html {
  return html`<p>Apps sign in with a password of their own, which you can take back at any time.</p>
    <form method="post" action="/account/app-passwords#connect" class="inline field">
      ${csrfField(model.viewer.csrf)}
      <div class="field"><label for="app-name">What is it for?</label>
        <input type="text" id="app-name" name="name" value="my app" maxlength="32" required></div>
      <button>Make an app password</button>
    </form>`
}

function waysInCard(model: AccountModel): Html {
  const { csrf } = model.viewer
  return html`<section class="card" aria-labelledby="ways">
    <h2 id="ways">Ways in</h2>
    <ul class="rows">${model.identities.map(
      row => html`<li><div><strong>${row.providerLabel}</strong> ${row.label}<div class="soft">used ${row.lastUsed}</div></div>
        ${row.removable ? formButton('/account/unlink', csrf, { provider: row.provider, id: row.id }, 'Unlink') : html`<span class="tag">last way in</span>`}</li>`,
    )}
    ${
      model.hasPassword
        ? html`<li><div><strong>Password</strong><div class="soft">for tools that know nothing else</div></div>
        ${formButton('/account/password/remove', csrf, {}, 'Remove')}</li>`
        : ''
    }</ul>
    ${
      model.linkable.length === 0
        ? ''
        : html`<div class="inline field">${model.linkable.map(provider =>
            formButton(`/pds/auth/${provider.id}/link`, csrf, {}, `Link ${provider.label}`),
          )}</div>`
    }
    <details><summary>${model.hasPassword ? 'Change the password' : 'Set a password'}</summary>
      <form method="post" action="/account/password" class="inline">
        ${csrfField(csrf)}
        <div class="field"><label for="password">New password, at least 8 characters</label>
          <input type="password" id="password" name="password" minlength="8" maxlength="256" autocomplete="new-password" required></div>
        <button class="quiet">Save</button>
      </form>
    </details>
  </section>`
}

function sessionsCard(model: AccountModel): Html {
  const { csrf } = model.viewer
  return html`<section class="card" aria-labelledby="sessions">
    <h2 id="sessions">Where you are signed in</h2>
    <ul class="rows">${model.sessions.map(
      row => html`<li><div>${row.what}<div class="soft">${row.here ? 'this browser, now' : `last used ${row.lastUsed}`}</div></div>
        ${row.here ? html`<span class="tag">here</span>` : formButton('/account/sessions/end', csrf, { id: row.id }, 'Sign out')}</li>`,
    )}</ul>
    ${model.sessions.length > 1 ? formButton('/account/sessions/end-others', csrf, {}, 'Sign out everywhere else') : ''}
  </section>`
}

function appPasswordsCard(model: AccountModel): Html {
  return html`<section class="card" aria-labelledby="app-passwords">
    <h2 id="app-passwords">App passwords</h2>
    ${
      model.appPasswords.length === 0
        ? html`<p class="empty">None yet. <a href="#connect">Connect an app</a> to make the first.</p>`
        : html`<ul class="rows">${model.appPasswords.map(
            row => html`<li><div><strong>${row.name}</strong><div class="soft">made ${row.created}</div></div>
            ${formButton('/account/app-passwords/revoke', model.viewer.csrf, { name: row.name }, 'Take back')}</li>`,
          )}</ul>`
    }
  </section>`
}

function dataCard(model: AccountModel): Html {
  const mail =
    model.email === undefined ? 'none' : `${model.email}${model.emailConfirmed ? '' : ' (not confirmed)'}`
  return html`<section class="card" aria-labelledby="data">
    <h2 id="data">What is yours</h2>
    <dl class="facts">
      <dt>Handle</dt><dd>@${model.viewer.handle}</dd>
      <dt>Identity</dt><dd class="mono">${model.did}</dd>
      <dt>E-mail</dt><dd>${mail}</dd>
      <dt>Records</dt><dd>${model.recordCount}</dd>
      <dt>Pictures, files</dt><dd>${(model.blobBytes / 1_000_000).toFixed(1)} MB</dd>
    </dl>
    <details><summary>Change the handle</summary>
      <form method="post" action="/account/handle" class="inline">
        ${csrfField(model.viewer.csrf)}
        <div class="field"><label for="handle">New handle, with its domain</label>
          <input type="text" id="handle" name="handle" placeholder="${model.viewer.handle}" maxlength="253" autocomplete="off" autocapitalize="none" spellcheck="false" required></div>
        <button class="quiet">Change</button>
      </form>
      <p class="hint">A domain of your own works too, once it names ${model.did} in a TXT record at _atproto.</p>
    </details>
    <p><a class="button quiet" href="/xrpc/com.atproto.sync.getRepo?did=${model.did}" download="${model.viewer.handle}.car">Download your repository</a></p>
    ${model.hasEntities ? html`<p><a class="button quiet" href="/account/entities">Your entities</a></p>` : ''}
  </section>`
}

/** A form of one button. */
function formButton(
  action: string,
  csrf: string,
  fields: Readonly<Record<string, string>>,
  label: string,
): Html {
  return html`<form method="post" action="${action}">${csrfField(csrf)}${Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}<button class="quiet small">${label}</button></form>`
}
