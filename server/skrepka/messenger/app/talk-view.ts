/** A conversation with one person. */
import type { Listed } from '@leaf/skrepka/conversation'
import type { Contact } from '@leaf/skrepka/records'
import { el, fill, reconcile } from './dom.ts'
import { type View, topLine } from './frame.ts'
import { composer } from './composer.ts'
import { messageRow, type Row } from './message-row.ts'
import { nameOf, portrait, wordsOf } from './people.ts'
import { personMenu } from './person-menu.ts'
import type { Session } from './session.ts'

/** Messages that are shown at first, and that are added by each look further back. */
const pageSize = 60

/** Undefined when there is nobody of that key. */
export async function talkView(session: Session, key: string): Promise<View | undefined> {
  const { contacts, conversations } = session.client
  const found = await contacts.get(key)
  if (found === undefined) return undefined
  let contact: Contact = found
  let count = pageSize
  const log = el('ol', { class: 'log', role: 'log', 'aria-label': 'Messages', tabindex: 0 })
  const earlier = el(
    'button',
    { type: 'button', class: 'quiet small earlier', hidden: true },
    'Earlier messages',
  )
  const scroller = el('div', { class: 'scroller' }, earlier, log)
  const below = el('div', { class: 'below' })
  const top = el('div')

  const showAround = () => {
    const name = nameOf(contact)
    const face = portrait({ key, name, photo: contact.profile?.photo })
    fill(top, topLine({ heading: name, back: '#/', before: face, actions: [personMenu(session, contact)] }))
    if (contact.state === 'contact') fill(below, composer(session, key))
    else fill(below, question(session, contact))
  }
  const showMessages = async () => {
    const messages = await conversations.list(key, { limit: count + 1 })
    earlier.hidden = messages.length <= count
    const shown = messages.slice(-count)
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80
    const last = shown.at(-1)?.place
    reconcile(log, withDays(shown), messageRow(session))
    if (atEnd || (shown.at(-1)?.mine === true && last !== lastSeen))
      scroller.scrollTop = scroller.scrollHeight
    lastSeen = last
    if (document.visibilityState === 'visible') await contacts.markRead(key)
  }
  let lastSeen: string | undefined
  earlier.addEventListener('click', () => {
    const before = scroller.scrollHeight
    count += pageSize
    void showMessages().then(() => (scroller.scrollTop += scroller.scrollHeight - before))
  })
  const onVisible = () => void showMessages()
  document.addEventListener('visibilitychange', onVisible)
  showAround()
  await showMessages()
  return {
    title: nameOf(contact),
    root: el('div', { class: 'page talk' }, top, scroller, below),
    update: async peers => {
      if (!peers.has(key)) return
      const now = await contacts.get(key)
      if (now === undefined) return
      const changed =
        now.state !== contact.state || now.name !== contact.name || now.profile?.ts !== contact.profile?.ts
      contact = now
      if (changed) showAround()
      await showMessages()
    },
    leave: () => document.removeEventListener('visibilitychange', onVisible),
    ...focusOf(below),
  }
}

function focusOf(below: HTMLElement) {
  const text = below.querySelector('textarea')
  // On a phone the keyboard would cover what one came to read.
  return text === null || matchMedia('(pointer: coarse)').matches ? {} : { focus: text }
}

/** Messages, with a line before the first of each day. */
function withDays(messages: readonly Listed[]): Row[] {
  let day = ''
  return messages.flatMap(message => {
    const own = new Date(message.at).toDateString()
    const rows: Row[] = own === day ? [message] : [{ day: message.at }, message]
    day = own
    return rows
  })
}

/** What is asked about somebody who is new or blocked. */
function question({ client: { contacts } }: Session, contact: Contact): HTMLElement {
  const name = nameOf(contact)
  if (contact.state === 'blocked') {
    return el(
      'div',
      { class: 'card question' },
      el('p', {}, `You blocked ${name}. Nothing of theirs arrives here.`),
      el(
        'button',
        { type: 'button', class: 'quiet', onclick: () => void contacts.accept(contact.key) },
        'Unblock',
      ),
    )
  }
  return el(
    'div',
    { class: 'card question' },
    el(
      'p',
      {},
      el('strong', {}, `${name} is new to you.`),
      ' They do not learn that this arrived before you say yes.',
    ),
    el('p', { class: 'soft words small' }, wordsOf(contact.key)),
    el(
      'div',
      { class: 'buttons' },
      el('button', { type: 'button', onclick: () => void contacts.accept(contact.key) }, 'Write with them'),
      el(
        'button',
        { type: 'button', class: 'danger', onclick: () => void contacts.block(contact.key) },
        'Block',
      ),
    ),
  )
}
