/** One message, as it stands in a conversation. */
import type { Listed } from '@leaf/skrepka/conversation'
import type { MessageState } from '@leaf/skrepka/records'
import { el, icon } from './dom.ts'
import { icons } from './icons.ts'
import { clockTime, dayOf } from './people.ts'
import { pictureUrl } from './pictures.ts'
import type { Session } from './session.ts'

/** A message, or the line above the first of a day. */
export type Row = Listed | { readonly day: number }

const states: Readonly<
  Record<MessageState, { readonly picture: string; readonly text: string } | undefined>
> = {
  waiting: { picture: icons.waiting, text: 'Waits for a connection' },
  sent: { picture: icons.sent, text: 'Sent' },
  delivered: { picture: icons.delivered, text: 'Arrived' },
  failed: { picture: icons.failed, text: 'Not sent' },
  received: undefined,
}

/** Rows for `reconcile`; one is made anew when its state changes. */
export function messageRow(session: Session) {
  return {
    key: (row: Row) =>
      'day' in row ? `day ${new Date(row.day).toDateString()}` : `${row.place} ${row.state}`,
    make: (row: Row) =>
      'day' in row ? el('li', { class: 'day' }, el('span', {}, dayOf(row.day))) : bubble(session, row),
  }
}

function bubble(session: Session, message: Listed): HTMLElement {
  const state = states[message.state]
  const mark =
    state === undefined
      ? undefined
      : el(
          'span',
          { class: `mark ${message.state}`, title: state.text },
          icon(state.picture),
          el('span', { class: 'visually-hidden' }, state.text),
        )
  const retry = () => void session.client.conversations.retry(message.place)
  return el(
    'li',
    { class: message.mine ? 'mine' : 'theirs' },
    el('span', { class: 'visually-hidden' }, message.mine ? 'You: ' : 'They: '),
    el(
      'div',
      { class: message.media === undefined ? 'bubble' : 'bubble with-picture' },
      message.media !== undefined && picture(session, message, message.media),
      message.body !== '' && el('p', {}, ...linked(message.body)),
      el(
        'span',
        { class: 'meta' },
        el('time', { datetime: new Date(message.at).toISOString() }, clockTime(message.at)),
        mark,
      ),
    ),
    message.state === 'failed' &&
      el('button', { type: 'button', class: 'quiet small', onclick: retry }, 'Try again'),
  )
}

function picture(session: Session, message: Listed, media: NonNullable<Listed['media']>): HTMLElement {
  const image = el('img', {
    alt: message.body === '' ? 'Picture' : '',
    width: media.width || undefined,
    height: media.height || undefined,
  })
  const open = el(
    'button',
    { type: 'button', class: 'picture', 'aria-label': 'Show the picture large' },
    image,
  )
  void session.client.conversations.picture(message.place).then(data => {
    if (data === undefined) return
    const url = pictureUrl(data, media.mime)
    image.addEventListener('load', () => URL.revokeObjectURL(url))
    image.src = url
    open.addEventListener('click', () => showLarge(data, media.mime))
  })
  return open
}

function showLarge(data: Uint8Array, mime: string): void {
  const url = pictureUrl(data, mime)
  const dialog = el(
    'dialog',
    { class: 'large', 'aria-label': 'Picture' },
    el('img', { src: url, alt: '' }),
    el('button', { type: 'button', class: 'small', onclick: () => dialog.close() }, 'Close'),
  )
  dialog.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => {
    URL.revokeObjectURL(url)
    dialog.remove()
  })
  document.body.append(dialog)
  dialog.showModal()
}

/** Text with its web addresses as links, which leave without saying where from. */
function linked(text: string): (string | HTMLElement)[] {
  return text
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/)
    .map((part, at) =>
      at % 2 === 0 ? part : el('a', { href: part, target: '_blank', rel: 'noopener noreferrer' }, part),
    )
}
