/** Everybody one writes with, the latest first; and who asks to. */
import type { Address } from '@leaf/skrepka/link'
import type { Contact } from '@leaf/skrepka/records'
import { el, fill, icon, reconcile } from './dom.ts'
import { connection, shareLine, topLine, type View } from './frame.ts'
import { icons } from './icons.ts'
import { shareUrl } from './me-view.ts'
import { briefTime, nameOf, portrait } from './people.ts'
import type { Session } from './session.ts'

export async function listView(session: Session): Promise<View> {
  const { client } = session
  const own = await client.contacts.profile()
  const address = await client.address()
  const people = el('ul', { class: 'people', 'aria-label': 'Conversations' })
  const asking = el(
    'section',
    { class: 'asking', hidden: true },
    el('h2', {}, 'New to you'),
    el('ul', { class: 'people', 'aria-label': 'People who are new to you' }),
  )
  const empty = emptyState(address)
  const status = el('p', { class: 'status', role: 'status' })
  const update = async () => {
    const { online, text } = connection(session.relays())
    status.className = online ? 'status' : 'status off'
    if (status.textContent !== text) status.textContent = text
    const all = await client.contacts.list()
    const contacts = all.filter(({ state }) => state === 'contact')
    const requests = all.filter(({ state, lastAt }) => state === 'request' && lastAt > 0)
    const askingList = asking.querySelector('ul')
    if (askingList !== null) reconcile(askingList, requests, row)
    asking.hidden = requests.length === 0
    reconcile(people, contacts, row)
    empty.hidden = contacts.length + requests.length > 0
  }
  await update()
  const me = el(
    'a',
    { class: 'me', href: '#/me', 'aria-label': 'You: your link, your name, your backup' },
    portrait({ key: address.key, name: own.displayName, photo: own.photo }),
  )
  const add = el('a', { class: 'button small', href: '#/add' }, icon(icons.add), 'Add')
  return {
    title: 'Skrepka',
    root: el(
      'div',
      { class: 'page' },
      topLine({
        heading: 'Skrepka',
        before: el('span', { class: 'mark' }, icon(icons.clip)),
        actions: [add, me],
      }),
      asking,
      people,
      empty,
      status,
    ),
    update,
  }
}

/** A row is made anew when anything that it shows has changed. */
const row = {
  key: (contact: Contact) =>
    [contact.key, contact.lastAt, contact.unread, contact.name, contact.profile?.ts, contact.state].join(' '),
  make: (contact: Contact) => {
    const name = nameOf(contact)
    const unread = contact.unread > 0
    return el(
      'li',
      {},
      el(
        'a',
        { href: `#/to/${contact.key}`, class: unread ? 'unread' : undefined },
        portrait({ key: contact.key, name, photo: contact.profile?.photo }),
        el(
          'span',
          { class: 'who' },
          el('strong', {}, name),
          el('span', { class: 'last' }, contact.lastText || 'Say hello'),
        ),
        el(
          'span',
          { class: 'when' },
          el('time', {}, briefTime(contact.lastAt)),
          unread &&
            el(
              'span',
              { class: 'count' },
              String(contact.unread),
              el('span', { class: 'visually-hidden' }, ' unread'),
            ),
        ),
      ),
    )
  },
}

function emptyState(address: Address): HTMLElement {
  const section = el('section', { class: 'card empty' })
  fill(
    section,
    el('h2', {}, 'Nobody here yet'),
    el(
      'p',
      {},
      'Give somebody your link. When they open it, they can write to you, and you will see it here.',
    ),
    shareLine(shareUrl(address), 'Your link'),
    el(
      'p',
      { class: 'soft small' },
      'Or did somebody give you theirs? ',
      el('a', { href: '#/add' }, 'Add them here.'),
    ),
  )
  return section
}
