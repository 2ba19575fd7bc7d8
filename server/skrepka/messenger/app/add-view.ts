/** Adding somebody by link, words or key. */
import { MalformedError, SkrepkaError } from '@leaf/skrepka/errors'
import { readAddress } from '@leaf/skrepka/link'
import { el, fill, onSubmit, typed } from './dom.ts'
import { shareLine, field, topLine, type View } from './frame.ts'
import { shareUrl } from './me-view.ts'
import { wordsOf } from './people.ts'
import type { Session } from './session.ts'

/** `given`: an address that came with a link. */
export async function addView(session: Session, given: string, done: (key: string) => void): Promise<View> {
  const { client } = session
  const told = el('p', { class: 'hint', role: 'alert' })
  const look = (text: string) => {
    try {
      fill(told, `Their words: ${wordsOf(readAddress(text).key)}`)
      told.className = 'hint words'
    } catch {
      fill(told)
    }
  }
  const form = el(
    'form',
    {
      class: 'card',
      onsubmit: onSubmit(async target => {
        try {
          const contact = await client.contacts.add(
            readAddress(typed(target, 'address')),
            typed(target, 'name').trim(),
          )
          done(contact.key)
        } catch (error) {
          if (!(error instanceof MalformedError || error instanceof SkrepkaError)) throw error
          told.className = 'hint bad'
          fill(
            told,
            error instanceof SkrepkaError
              ? 'This is your own link. Give it to somebody, and put theirs here.'
              : 'This is not a link or code of Skrepka. It has 16 words, or begins with skrepka:// or https://.',
          )
        }
      }),
    },
    el(
      'div',
      { class: 'field' },
      el('label', { for: 'address' }, 'Their link, or their 16 words'),
      el('textarea', {
        id: 'address',
        name: 'address',
        rows: 4,
        required: true,
        spellcheck: 'false',
        autocapitalize: 'off',
        autocomplete: 'off',
        maxlength: 2000,
      }),
      told,
    ),
    field({
      label: 'What you call them',
      name: 'name',
      hint: 'Only you see this. You can leave it out.',
      maxlength: 60,
    }),
    el('button', { type: 'submit' }, 'Add'),
  )
  const input = form.querySelector('textarea')
  if (input !== null) {
    input.value = given
    input.addEventListener('input', () => look(input.value))
    look(given)
  }
  return {
    title: 'Add somebody',
    root: el(
      'div',
      { class: 'page' },
      topLine({ heading: 'Add somebody', back: '#/' }),
      form,
      el('h2', {}, 'Your own link'),
      el('p', { class: 'soft' }, 'Whoever opens it can write to you.'),
      shareLine(shareUrl(await client.address()), 'Your link'),
    ),
    ...(input === null || given !== '' ? {} : { focus: input }),
  }
}
