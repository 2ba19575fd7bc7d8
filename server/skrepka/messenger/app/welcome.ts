/** The first view: a key is made here, or brought back. */
import { passphraseLengthMin } from '@leaf/skrepka/backup'
import { SkrepkaError } from '@leaf/skrepka/errors'
import { el, fill, onSubmit, say, typed } from './dom.ts'
import { field, type View } from './frame.ts'

export function welcomeView(options: {
  /** Makes the key, and what people see of it. */
  readonly make: (name: string, passphrase: string) => Promise<void>
  readonly restore: (file: string, passphrase: string) => Promise<void>
  /** Somebody's link brought us here. */
  readonly invited: boolean
}): View {
  const name = field({
    label: 'Your name',
    name: 'name',
    hint: 'Only the people you write to see it. You can leave it out.',
    maxlength: 60,
    autocomplete: 'nickname',
  })
  const make = el(
    'form',
    {
      class: 'card',
      onsubmit: onSubmit(async form => {
        await working(form, 'Making your key …', () =>
          options.make(typed(form, 'name').trim(), typed(form, 'passphrase')),
        )
      }),
    },
    name,
    field({
      label: 'A passphrase',
      name: 'passphrase',
      type: 'password',
      autocomplete: 'new-password',
      required: true,
      minlength: passphraseLengthMin,
      hint: `At least ${passphraseLengthMin} characters. It closes the backup of your key: nobody can give it back to you, so keep it well.`,
    }),
    el('button', { type: 'submit' }, 'Make my key'),
  )
  return {
    title: 'Welcome',
    root: el(
      'div',
      { class: 'page' },
      el('header', { class: 'hello' }, el('h1', { tabindex: -1 }, 'Letters that only you two can read')),
      el(
        'p',
        { class: 'lead' },
        options.invited
          ? 'Somebody sent you her link. Make a key of your own, and you can write to her at once.'
          : 'No account, no phone number. This browser makes a key, the key is your address, and what you write is closed before it leaves.',
      ),
      make,
      el('details', {}, el('summary', {}, 'I have a key already'), restoreForm(options.restore)),
    ),
  }
}

function restoreForm(restore: (file: string, passphrase: string) => Promise<void>): HTMLElement {
  const told = el('p', { class: 'hint bad', role: 'alert' })
  return el(
    'form',
    {
      class: 'card',
      onsubmit: onSubmit(async form => {
        fill(told)
        const chosen = form.querySelector<HTMLInputElement>('input[type=file]')?.files?.[0]
        if (chosen === undefined) return
        try {
          const text = await chosen.text()
          await working(form, 'Opening your key …', () => restore(text, typed(form, 'opening')))
        } catch (error) {
          const wrong = error instanceof SkrepkaError && error.code === 'wrong-passphrase'
          fill(
            told,
            wrong
              ? 'That is not the passphrase of this key. Nothing was lost; try again.'
              : 'This file is not a Skrepka key. Choose the one that you saved as a backup.',
          )
        }
      }),
    },
    el(
      'div',
      { class: 'field' },
      el('label', { for: 'file' }, 'The file of your backup'),
      el('input', {
        id: 'file',
        type: 'file',
        name: 'file',
        accept: '.json,application/json',
        required: true,
      }),
    ),
    field({
      label: 'Its passphrase',
      name: 'opening',
      type: 'password',
      autocomplete: 'current-password',
      required: true,
      hint: 'Use a key in one place at a time: where it is used twice, each message arrives in only one of them.',
    }),
    el('button', { type: 'submit' }, 'Bring it back'),
    told,
  )
}

/** Does what takes about a second, and says so meanwhile on the button. */
async function working(form: HTMLFormElement, text: string, work: () => Promise<void>): Promise<void> {
  const button = form.querySelector('button[type=submit]')
  const before = button?.textContent ?? ''
  if (button !== null) button.textContent = text
  say(text)
  try {
    await work()
  } finally {
    if (button !== null) button.textContent = before
  }
}
