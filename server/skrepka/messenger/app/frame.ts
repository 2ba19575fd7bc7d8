/** What surrounds every view: its top line, its title, the state of the connection. */
import { el, icon } from './dom.ts'
import { icons } from './icons.ts'
import type { RelaySummary } from './session.ts'

/** A view: what is shown, and what is to be done when something changes or it is left. */
export interface View {
  readonly title: string
  readonly root: HTMLElement
  /** Something changed for these people (nobody: something else). */
  readonly update?: (peers: ReadonlySet<string>) => void | Promise<void>
  readonly leave?: () => void
  /** What gets the focus; the heading without it. */
  readonly focus?: HTMLElement
}

/** The top line: the way back, a heading, and what can be done. */
export function topLine(options: {
  readonly heading: string
  readonly back?: string
  readonly before?: HTMLElement
  readonly actions?: readonly HTMLElement[]
}): HTMLElement {
  const { heading, back, before, actions = [] } = options
  return el(
    'header',
    { class: 'top' },
    back !== undefined && el('a', { class: 'round', href: back, 'aria-label': 'Back' }, icon(icons.back)),
    before,
    el('h1', { tabindex: -1 }, heading),
    ...actions,
  )
}

/** A sentence about the connection, for people. */
export function connection(relays: readonly RelaySummary[]): {
  readonly online: boolean
  readonly text: string
} {
  const homes = relays.filter(({ home }) => home)
  const online = homes.filter(({ state }) => state === 'online')
  if (online.length > 0)
    return { online: true, text: `Connected to ${online.map(({ name }) => name).join(' and ')}` }
  if (homes.some(({ state }) => state === 'connecting') || homes.length === 0)
    return { online: false, text: 'Connecting …' }
  return {
    online: false,
    text: 'Offline. What you write is kept here and leaves when a relay can be reached.',
  }
}

/** A line to copy, with the button that does it. */
export function copyLine(text: string, label: string): HTMLElement {
  const button = el('button', { type: 'button', class: 'quiet small' }, 'Copy')
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(text).then(
      () => {
        button.textContent = 'Copied'
        setTimeout(() => (button.textContent = 'Copy'), 2000)
      },
      () => (button.textContent = 'Select it and copy'),
    )
  })
  return el('div', { class: 'copy' }, el('code', { 'aria-label': label, tabindex: 0 }, text), button)
}

/** A link to copy, and to pass on by what the device has for that. */
export function shareLine(url: string, label: string): HTMLElement {
  const line = copyLine(url, label)
  // Absent in many browsers, whatever the compiler's library says.
  if (!('share' in navigator)) return line
  const share = () => void navigator.share({ url }).catch(() => undefined)
  line.append(el('button', { type: 'button', class: 'quiet small', onclick: share }, 'Share'))
  return line
}

/** A labelled field. */
export function field(options: {
  readonly label: string
  readonly name: string
  readonly type?: string
  readonly value?: string
  readonly hint?: string
  readonly autocomplete?: string
  readonly required?: boolean
  readonly maxlength?: number
  readonly minlength?: number
}): HTMLElement {
  const {
    label,
    name,
    hint,
    type = 'text',
    autocomplete = 'off',
    value,
    required,
    maxlength,
    minlength,
  } = options
  const id = `field-${name}`
  const hintId = `${id}-hint`
  return el(
    'div',
    { class: 'field' },
    el('label', { for: id }, label),
    el('input', {
      id,
      name,
      type,
      autocomplete,
      value,
      required,
      maxlength,
      minlength,
      ...(hint === undefined ? {} : { 'aria-describedby': hintId }),
    }),
    hint !== undefined && el('p', { class: 'hint', id: hintId }, hint),
  )
}
