/** The pages of sign-in, as `pds/auth` asks for them. */
import { html } from 'hono/html'
import type {
  AuthPages,
  ChooseHandleModel,
  DevelopmentAuthorizeModel,
  ForwardModel,
  Notice,
  ProblemModel,
  ProviderLink,
  SignInModel,
} from '../../pds/auth/pages.ts'
import type { Problem } from '../../kernel/http/answer.ts'
import { csrfField, page, type Html, type PageOptions } from '../layout.ts'

type Frame = Pick<PageOptions, 'development' | 'asset'>

/** Every page of sign-in as a string, framed. */
export function createAuthPages(frame: Frame): AuthPages {
  return {
    signIn: model => signInPage(frame, model).toString(),
    chooseHandle: model => chooseHandlePage(frame, model).toString(),
    developmentAuthorize: model => developmentAuthorizePage(frame, model).toString(),
    forward: model => forwardPage(frame, model).toString(),
    problem: model => problemPage(frame, model).toString(),
  }
}

const joining: Readonly<Record<SignInModel['signUp'], string>> = {
  open: 'New here? Sign in the same way: you choose a name on the next page.',
  providers: 'New here? Sign in the same way: you choose a name on the next page.',
  invite: 'New here? Sign in the same way; you will be asked for an invite code.',
  closed: 'This server takes no new people at the moment.',
}

function signInPage(frame: Frame, model: SignInModel): Html {
  return page(
    { ...frame, title: 'Sign in' },
    html`<h1>Sign in</h1>
    <p class="lead">With an account you already have. ${joining[model.signUp]}</p>
    ${notice(model.notice)}
    <div class="card">
      ${
        model.providers.length === 0
          ? html`<p class="empty">No provider is set up yet. Whoever runs this server can find out how with <code>leaf doctor</code>.</p>`
          : html`<ul class="providers">${model.providers.map(provider => providerButton(provider, model.returnTo))}</ul>`
      }
      ${model.passwordAllowed ? passwordForm(model) : ''}
    </div>`,
  )
}

function providerButton(provider: ProviderLink, returnTo: string): Html {
  const query = new URLSearchParams({ return_to: returnTo })
  return html`<li><a class="button" href="${provider.start}?${query.toString()}">${provider.id === 'dev' ? 'Development sign-in' : `Continue with ${provider.label}`}</a></li>`
}

function passwordForm(model: SignInModel): Html {
  return html`<details ${model.identifier === '' ? '' : 'open'}><summary>With a password</summary>
      <form method="post" action="${model.action}">
        ${csrfField(model.csrf)}<input type="hidden" name="return_to" value="${model.returnTo}">
        <div class="field"><label for="identifier">Handle or e-mail</label>
          <input type="text" id="identifier" name="identifier" value="${model.identifier}" autocomplete="username" autocapitalize="none" spellcheck="false" required></div>
        <div class="field"><label for="password">Password</label>
          <input type="password" id="password" name="password" autocomplete="current-password" required></div>
        <button class="quiet">Sign in</button>
      </form></details>`
}

function chooseHandlePage(frame: Frame, model: ChooseHandleModel): Html {
  const [only, ...more] = model.domains
  return page(
    { ...frame, title: 'Choose a handle', scripts: ['handle.js'] },
    html`<h1>Choose your handle</h1>
    <p class="lead">You came as <strong>${model.label}</strong> from ${model.provider}. This is the name that others will see; you can change it later.</p>
    <form class="card" method="post" action="${model.action}" data-handle>
      ${csrfField(model.csrf)}
      <div class="field">
        <label for="name">Handle</label>
        <div class="joined">
          <input type="text" id="name" name="name" value="${model.name}" minlength="3" maxlength="18" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="name-hint" required autofocus>
          ${
            more.length === 0
              ? html`<span class="suffix">.${only ?? ''}</span><input type="hidden" name="domain" value="${only ?? ''}">`
              : html`<select name="domain" aria-label="Domain">${model.domains.map(
                  domain =>
                    html`<option value="${domain}" ${domain === model.domain ? 'selected' : ''}>.${domain}</option>`,
                )}</select>`
          }
        </div>
        ${
          model.fault === undefined
            ? html`<p class="hint" id="name-hint" data-handle-hint role="status">3 to 18 letters, digits and hyphens.</p>`
            : html`<p class="hint bad" id="name-hint" data-handle-hint role="status">${model.fault}</p>`
        }
      </div>
      ${
        model.inviteRequired
          ? html`<div class="field"><label for="invite">Invite code</label><input type="text" id="invite" name="invite_code" value="${model.inviteCode}" autocomplete="off" required></div>`
          : ''
      }
      ${model.email === undefined ? '' : emailChoice(model.email)}
      <button>Create my account</button>
      <p class="hint">This makes your keys, your identity and an empty repository.</p>
    </form>`,
  )
}

function emailChoice(email: NonNullable<ChooseHandleModel['email']>): Html {
  return html`<div class="field"><label class="choice"><input type="checkbox" name="use_email" value="on" ${email.use ? 'checked' : ''}>
    <span>Keep my e-mail address, ${email.address}${email.verified ? '' : ' (not confirmed yet)'}</span></label>
    <p class="hint">For recovery and notices; never shown to others.</p></div>`
}

function developmentAuthorizePage(frame: Frame, model: DevelopmentAuthorizeModel): Html {
  return page(
    { ...frame, title: 'Development sign-in' },
    html`<h1>Who do you want to be?</h1>
    <p class="lead">This stands in for GitHub or Google while you develop. Make up a name: the same name is the same person next time.</p>
    <form class="card" method="post" action="${model.action}">
      ${csrfField(model.csrf)}
      ${Object.entries(model.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
      <div class="field"><label for="name">Name</label>
        <input type="text" id="name" name="name" value="${model.name}" placeholder="alice" maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false" required autofocus>
        ${model.fault === undefined ? '' : html`<p class="hint bad" role="alert">${model.fault}</p>`}</div>
      <button>Continue</button>
    </form>`,
  )
}

function forwardPage(frame: Frame, model: ForwardModel): Html {
  return page(
    { ...frame, title: `On to ${model.label}`, forwardTo: model.href },
    html`<h1>On to ${model.label} …</h1>
    <p><a class="button" href="${model.href}">Continue to ${model.label}</a></p>`,
  )
}

function problemPage(frame: Frame, model: ProblemModel): Html {
  return page(
    { ...frame, title: model.title },
    html`<h1>${model.title}</h1>
    <p class="lead">${model.what}</p>
    <p>${model.next}</p>
    <p><a class="button" href="${model.link.href}">${model.link.label}</a></p>`,
  )
}

function notice(model: Notice | undefined): Html | string {
  if (model === undefined) return ''
  return html`<p class="notice ${model.kind === 'bad' ? 'bad' : ''}" role="status">${model.text}</p>`
}

/** What went wrong with a request, as a page for people. */
export function problemDocument(frame: Frame, problem: Problem): string {
  return page(
    { ...frame, title: problem.title },
    html`<h1>${problem.title}</h1>
    <p class="lead">${problem.message}</p>
    ${problem.status >= 500 ? html`<p class="soft small">Nothing that was stored before is lost. If you ask for help, name this request: <code>${problem.requestId}</code></p>` : ''}
    <p><a class="button" href="/">Go home</a></p>`,
  ).toString()
}
