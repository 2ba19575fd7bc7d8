/** Development's mail: what would have gone out. */
import { html } from 'hono/html'
import { page, type Html, type PageOptions } from '../layout.ts'

export interface MailModel {
  readonly frame: Pick<PageOptions, 'viewer' | 'development' | 'asset'>
  readonly letters: readonly {
    readonly to: string
    readonly subject: string
    readonly body: string
    readonly when: string
  }[]
}

/** `/mail` */
export function mailPage(model: MailModel): Html {
  return page(
    { ...model.frame, title: 'Mail' },
    html`<h1>Mail</h1>
    <p class="lead">This server is in development: mail goes nowhere but here.</p>
    ${
      model.letters.length === 0
        ? html`<p class="card empty">No mail yet. A letter appears here when an app asks for a code, for instance to confirm an e-mail address.</p>`
        : model.letters.map(
            letter => html`<article class="card"><h2>${letter.subject}</h2>
              <p class="soft small">to ${letter.to}, ${letter.when}</p><p class="letter">${letter.body}</p></article>`,
          )
    }`,
  )
}
