/** How people are shown: their name, their picture. */
import { fromHex } from '@leaf/skrepka/hex'
import type { Contact } from '@leaf/skrepka/records'
import { toWords } from '@leaf/skrepka/words'
import { el } from './dom.ts'
import { pictureUrl } from './pictures.ts'

/** The words of a key. */
export function wordsOf(key: string): string {
  return toWords(fromHex(key, 64))
}

/** What we call somebody: our name for her, her own, or the first two words of her key. */
export function nameOf(contact: Contact): string {
  if (contact.name !== '') return contact.name
  const own = contact.profile?.displayName.trim() ?? ''
  return own === '' ? wordsOf(contact.key).split('-', 2).join('-') : own
}

/** Colours that letters can be read on, light and dark alike. */
const hues = [145, 175, 205, 235, 265, 300, 335, 10, 35, 60] as const

/** A round picture: hers, or her first letter on a colour that her key chooses. */
export function portrait(of: {
  readonly key: string
  readonly name: string
  readonly photo: Uint8Array | undefined
}): HTMLElement {
  if (of.photo !== undefined) {
    const url = pictureUrl(of.photo, 'image/jpeg')
    const image = el('img', { class: 'portrait', alt: '', src: url })
    image.addEventListener('load', () => URL.revokeObjectURL(url))
    return image
  }
  const letter = el(
    'span',
    { class: 'portrait', 'aria-hidden': 'true' },
    [...of.name][0]?.toUpperCase() ?? '?',
  )
  const hue = hues[Number.parseInt(of.key.slice(0, 4), 16) % hues.length] ?? 145
  letter.style.setProperty('--hue', String(hue))
  return letter
}

const dayMs = 24 * 3600_000

/** When something was, as briefly as it can be understood. */
export function briefTime(at: number): string {
  if (at === 0) return ''
  const date = new Date(at)
  const age = Date.now() - at
  if (age < dayMs && date.getDate() === new Date().getDate()) return clockTime(at)
  if (age < 6 * dayMs) return date.toLocaleDateString(undefined, { weekday: 'short' })
  return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
}

/** The day of a message, as the line above the first of that day. */
export function dayOf(at: number): string {
  const date = new Date(at)
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / dayMs)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  return date.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
}
