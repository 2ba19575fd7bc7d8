/** What can be done about a person: name, words, block, delete. */
import type { Contact } from '@leaf/skrepka/records'
import { el, icon, onSubmit, typed } from './dom.ts'
import { copyLine, field } from './frame.ts'
import { icons } from './icons.ts'
import { nameOf, wordsOf } from './people.ts'
import type { Session } from './session.ts'

export function personMenu(session: Session, contact: Contact): HTMLElement {
  const open = el(
    'button',
    { type: 'button', class: 'round', 'aria-label': `About ${nameOf(contact)}` },
    icon(icons.more),
  )
  open.addEventListener('click', () => {
    const dialog = about(session, contact)
    document.body.append(dialog)
    dialog.showModal()
  })
  return open
}

function about({ client: { contacts } }: Session, contact: Contact): HTMLDialogElement {
  const name = nameOf(contact)
  const { bio = '' } = contact.profile ?? {}
  const close = () => dialog.close()
  const then = (work: Promise<void>, where?: string) => {
    void work.then(() => {
      close()
      if (where !== undefined) location.hash = where
    })
  }
  const dialog = el(
    'dialog',
    { class: 'sheet', 'aria-labelledby': 'about' },
    el('h2', { id: 'about', tabindex: -1, autofocus: true }, name),
    bio !== '' && el('p', { class: 'soft' }, bio),
    el(
      'form',
      {
        class: 'inline',
        onsubmit: onSubmit(async form => then(contacts.rename(contact.key, typed(form, 'name')))),
      },
      field({ label: 'What you call them', name: 'name', value: contact.name, maxlength: 60 }),
      el('button', { type: 'submit', class: 'quiet' }, 'Keep'),
    ),
    el('p', { class: 'label' }, 'Their words'),
    el(
      'p',
      { class: 'soft small' },
      'Have them read theirs to you. If they are these, nobody stands between you.',
    ),
    copyLine(wordsOf(contact.key), 'Their words'),
    el(
      'div',
      { class: 'buttons' },
      contact.state !== 'blocked' &&
        el(
          'button',
          { type: 'button', class: 'danger', onclick: () => then(contacts.block(contact.key)) },
          `Block ${name}`,
        ),
      asksOnce(`Delete ${name} and all messages`, `Yes, delete all messages with ${name}`, () =>
        then(contacts.remove(contact.key), '#/'),
      ),
      el('button', { type: 'button', class: 'quiet', onclick: close }, 'Close'),
    ),
  )
  dialog.addEventListener('close', () => dialog.remove())
  return dialog
}

/** A button that asks once before it destroys. */
function asksOnce(label: string, sure: string, act: () => void): HTMLElement {
  const button = el('button', { type: 'button', class: 'danger' }, label)
  button.addEventListener('click', () => {
    if (button.textContent === sure) act()
    else button.textContent = sure
  })
  return button
}
