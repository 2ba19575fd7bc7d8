/** Where one writes. */
import { payloadLimits } from '@leaf/skrepka/payload'
import { el, icon, say } from './dom.ts'
import { icons } from './icons.ts'
import { pictureOf } from './pictures.ts'
import type { Session } from './session.ts'

/** What was begun and not sent, by person; kept while the page is open. */
const drafts = new Map<string, string>()

export function composer({ client: { conversations } }: Session, key: string): HTMLElement {
  const told = el('p', { class: 'hint bad', role: 'alert', hidden: true })
  const complain = (text: string) => {
    told.textContent = text
    told.hidden = text === ''
  }
  const text = el('textarea', {
    rows: 1,
    'aria-label': 'Message',
    placeholder: 'Write something',
    maxlength: payloadLimits.bodyLength,
    enterkeyhint: 'send',
  })
  text.value = drafts.get(key) ?? ''
  const grow = () => {
    text.style.height = 'auto'
    text.style.height = `${Math.min(text.scrollHeight + 2, 200)}px`
  }
  const send = async () => {
    const body = text.value.trim()
    if (body === '') return
    text.value = ''
    drafts.delete(key)
    grow()
    try {
      await conversations.sendText(key, body)
      complain('')
    } catch {
      text.value = body
      grow()
      complain('This could not be kept. Nothing was lost: your text is still here.')
    }
  }
  text.addEventListener('input', () => {
    drafts.set(key, text.value)
    grow()
  })
  text.addEventListener('keydown', event => {
    if (
      event.key !== 'Enter' ||
      event.shiftKey ||
      event.isComposing ||
      matchMedia('(pointer: coarse)').matches
    )
      return
    event.preventDefault()
    void send()
  })
  const sendPictures = async (files: readonly File[]) => {
    for (const file of files.slice(0, 10)) {
      say('Preparing the picture')
      const media = await pictureOf(file)
      if (media === undefined) complain(`${file.name} is not a picture that this browser can read.`)
      else
        await conversations.sendPicture(key, media).then(
          () => complain(''),
          () => complain('The picture could not be kept. Try again.'),
        )
    }
  }
  const picture = el('input', {
    type: 'file',
    accept: 'image/*',
    multiple: true,
    id: 'picture',
    class: 'visually-hidden',
  })
  picture.addEventListener('change', () => {
    void sendPictures([...(picture.files ?? [])]).finally(() => (picture.value = ''))
  })
  text.addEventListener('paste', event => {
    const files = [...(event.clipboardData?.files ?? [])].filter(file => file.type.startsWith('image/'))
    if (files.length === 0) return
    event.preventDefault()
    void sendPictures(files)
  })
  const form = el(
    'form',
    { class: 'composer' },
    picture,
    el(
      'label',
      { for: 'picture', class: 'round', title: 'Send a picture' },
      icon(icons.picture),
      el('span', { class: 'visually-hidden' }, 'Send a picture'),
    ),
    text,
    el('button', { type: 'submit', class: 'round accent', 'aria-label': 'Send' }, icon(icons.send)),
  )
  form.addEventListener('submit', event => {
    event.preventDefault()
    void send().then(() => text.focus())
  })
  requestAnimationFrame(grow)
  return el('div', {}, told, form)
}
