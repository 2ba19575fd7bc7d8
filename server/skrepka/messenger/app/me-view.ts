/** Oneself: link and words to pass on, name and picture, backup, relays. */
import { MalformedError } from '@leaf/skrepka/errors'
import { type Address, toLink } from '@leaf/skrepka/link'
import { el, fill, onSubmit, say, typed } from './dom.ts'
import { copyLine, shareLine, field, topLine, type View } from './frame.ts'
import { portrait, wordsOf } from './people.ts'
import { pictureOf } from './pictures.ts'
import type { Session } from './session.ts'
import { backupText } from './vault.ts'

/** Of the picture that others see: it travels with the profile. */
const photoBytesMax = 60_000
const photoSides = [192, 128] as const

/** A link that opens this messenger and adds somebody. What is after `#` is never sent to a server. */
export function shareUrl(address: Address): string {
  return `${location.origin}/#add=${toLink(address)}`
}

/** `fresh`: the key was made just now. */
export async function meView(session: Session, fresh: boolean): Promise<View> {
  const address = await session.client.address()
  return {
    title: 'You',
    root: el(
      'div',
      { class: 'page' },
      topLine({ heading: fresh ? 'Your key is made' : 'You', back: '#/' }),
      fresh &&
        el(
          'p',
          { class: 'notice' },
          'Two things to do now: save the backup, and give your link to somebody.',
        ),
      fresh && backupCard(session),
      addressCard(address),
      await profileCard(session),
      !fresh && backupCard(session),
      await relaysCard(session),
    ),
  }
}

function addressCard(address: Address): HTMLElement {
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, 'Your link'),
    el('p', { class: 'soft' }, 'Whoever opens it can write to you.'),
    shareLine(shareUrl(address), 'Your link'),
    el(
      'details',
      {},
      el('summary', {}, 'Your words'),
      el(
        'p',
        { class: 'soft' },
        'The same key to read aloud. Two people who compare their words know that nobody stands between them.',
      ),
      copyLine(wordsOf(address.key), 'Your words'),
      el('p', { class: 'soft' }, 'For other Skrepka apps:'),
      copyLine(toLink(address), 'Your address'),
    ),
  )
}

async function profileCard({ client }: Session): Promise<HTMLElement> {
  let profile = await client.contacts.profile()
  const face = el('div', { class: 'face' })
  const show = () =>
    fill(face, portrait({ key: client.identity.key, name: profile.displayName, photo: profile.photo }))
  show()
  const picture = el('input', { type: 'file', accept: 'image/*', id: 'photo', class: 'visually-hidden' })
  picture.addEventListener('change', () => {
    const file = picture.files?.[0]
    if (file === undefined) return
    void pictureOf(file, photoSides, photoBytesMax).then(async media => {
      if (media === undefined) return say('This picture cannot be read')
      profile = { ...profile, photo: media.data }
      await client.contacts.setProfile(profile)
      show()
      say('Your picture was changed')
    })
  })
  const told = el('p', { class: 'hint good', role: 'status' })
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, 'Your name'),
    el(
      'div',
      { class: 'facing' },
      face,
      picture,
      el('label', { for: 'photo', class: 'button quiet small' }, 'Choose a picture'),
    ),
    el(
      'form',
      {
        onsubmit: onSubmit(async form => {
          profile = { ...profile, displayName: typed(form, 'name').trim(), bio: typed(form, 'bio').trim() }
          await client.contacts.setProfile(profile)
          show()
          fill(told, 'Kept. Your contacts hear of it.')
        }),
      },
      field({
        label: 'Name',
        name: 'name',
        value: profile.displayName,
        maxlength: 60,
        autocomplete: 'nickname',
      }),
      field({
        label: 'A few words about you',
        name: 'bio',
        value: profile.bio,
        maxlength: 300,
        hint: 'Only your contacts see both; they travel closed, like letters.',
      }),
      el('button', { type: 'submit' }, 'Keep'),
      told,
    ),
  )
}

function backupCard(session: Session): HTMLElement {
  const told = el('p', { class: 'hint good', role: 'status' })
  const save = async () => {
    const url = URL.createObjectURL(new Blob([await backupText(session.store)], { type: 'application/json' }))
    const words = wordsOf(session.client.identity.key).split('-', 1).join('')
    el('a', { href: url, download: `skrepka-${words}.json` }).click()
    URL.revokeObjectURL(url)
    fill(told, 'Saved. Keep the file where you find it again; without the passphrase it opens for nobody.')
  }
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, 'Your backup'),
    el(
      'p',
      { class: 'soft' },
      'Your key is in this browser only. The file brings it back on another device, or here when the browser’s data are gone; your messages stay on this device.',
    ),
    el('button', { type: 'button', onclick: () => void save() }, 'Save the backup'),
    told,
  )
}

async function relaysCard(session: Session): Promise<HTMLElement> {
  const list = el('ul', { class: 'rows' })
  const told = el('p', { class: 'hint bad', role: 'alert' })
  const show = async () => {
    const names = await session.client.homeRelays()
    const states = new Map(session.relays().map(relay => [relay.name, relay]))
    fill(
      list,
      ...names.map(name => {
        const relay = states.get(name)
        const online = relay?.state === 'online'
        return el(
          'li',
          {},
          el(
            'span',
            {},
            el('span', { class: online ? 'dot' : 'dot off' }),
            name,
            el('span', { class: 'visually-hidden' }, online ? ', connected' : ', not connected'),
          ),
          names.length > 1 &&
            el(
              'button',
              {
                type: 'button',
                class: 'quiet small',
                onclick: () => void set(names.filter(one => one !== name)),
                'aria-label': `Leave ${name}`,
              },
              'Leave',
            ),
        )
      }),
    )
  }
  const set = async (names: readonly string[]) => {
    fill(told)
    try {
      await session.setRelays(names)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      fill(told, 'This is not the name of a relay. It looks like relay.example.')
    }
    await show()
  }
  await show()
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, 'Relays'),
    el(
      'p',
      { class: 'soft' },
      'They keep your letters until you come, and cannot read them. With several, your letters arrive even when one of them is gone.',
    ),
    list,
    el(
      'form',
      {
        class: 'inline',
        onsubmit: onSubmit(async form => {
          await set([...(await session.client.homeRelays()), typed(form, 'relay')])
          form.reset()
        }),
      },
      field({ label: 'Another relay', name: 'relay', required: true, maxlength: 128 }),
      el('button', { type: 'submit', class: 'quiet' }, 'Join'),
    ),
    told,
  )
}
