/** The messenger's page: opens the store and the key, then shows what the address asks for. */
import { openIndexedDbStore } from '@leaf/skrepka/browser/indexed-db'
import { addView } from './add-view.ts'
import { el, fill, say } from './dom.ts'
import type { View } from './frame.ts'
import { listView } from './list-view.ts'
import { meView } from './me-view.ts'
import { openSession, type Session } from './session.ts'
import { talkView } from './talk-view.ts'
import { makeKey, openVault, restoreKey } from './vault.ts'
import { welcomeView } from './welcome.ts'

const main = document.querySelector('main') ?? document.body
let view: View | undefined
let showing = 0

function show(next: View): void {
  view?.leave?.()
  view = next
  document.title = next.title
  fill(main, next.root)
  scrollTo(0, 0)
  const focus = next.focus ?? next.root.querySelector('h1')
  focus?.focus({ preventScroll: true })
  const log = next.root.querySelector('.scroller')
  if (log !== null) log.scrollTop = log.scrollHeight
}

/** What an address asks for: `#/to/<key>`, `#/add`, `#/me`, `#add=skrepka://…`. */
async function viewOf(session: Session, hash: string): Promise<View> {
  const go = (key: string) => (location.hash = `#/to/${key}`)
  if (hash.startsWith('#add=')) return addView(session, hash.slice(5), go)
  if (hash === '#/add') return addView(session, '', go)
  if (hash.startsWith('#/me')) return meView(session, hash.endsWith('?new'))
  const peer = /^#\/to\/([0-9a-f]{64})$/.exec(hash)?.[1]
  return (peer === undefined ? undefined : await talkView(session, peer)) ?? listView(session)
}

async function route(session: Session): Promise<void> {
  const mine = (showing += 1)
  // What changes while the view is being made must not be missed by it.
  const meanwhile = new Set<string>()
  const end = session.onChange(peers => {
    for (const peer of peers) meanwhile.add(peer)
  })
  const next = await viewOf(session, location.hash).finally(end)
  if (mine !== showing) return next.leave?.()
  show(next)
  await next.update?.(meanwhile)
}

/** The sum of what is unread stands in the title of the tab. */
async function countUnread(session: Session): Promise<void> {
  const contacts = await session.client.contacts.list()
  const unread = contacts.reduce(
    (sum, contact) => sum + (contact.state === 'blocked' ? 0 : contact.unread),
    0,
  )
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${view?.title ?? 'Skrepka'}`
}

function fault(error: unknown): void {
  fill(
    main,
    el(
      'div',
      { class: 'page' },
      el('h1', { tabindex: -1 }, 'This browser cannot keep messages at the moment'),
      el(
        'p',
        {},
        'Nothing that arrived was confirmed without being kept, so nothing is lost. Free some space or leave private browsing, then load the page again.',
      ),
      el('pre', {}, error instanceof Error ? error.message : String(error)),
    ),
  )
}

async function start(): Promise<void> {
  const store = await openIndexedDbStore('skrepka')
  const { relay = '', relayUrl = '' } = document.documentElement.dataset
  const open = async (): Promise<boolean> => {
    const identity = await openVault(store)
    if (identity === undefined) return false
    const session = openSession({
      identity,
      store,
      relays: [relay],
      urls: new Map([[relay, relayUrl]]),
      onFault: fault,
    })
    session.onChange(peers => {
      void view?.update?.(peers)
      void countUnread(session)
    })
    addEventListener('hashchange', () => void route(session).catch(fault))
    await route(session)
    await countUnread(session)
    // The browser may clear what it was not asked to keep.
    void navigator.storage?.persist?.()
    return true
  }
  if (await open()) return
  const invited = location.hash.startsWith('#add=') ? location.hash : undefined
  const begin = async (fresh: boolean) => {
    history.replaceState(null, '', invited ?? (fresh ? '#/me?new' : '#/'))
    await open()
    say(fresh ? 'Your key is made' : 'Your key is back')
  }
  const naming = async (name: string) => {
    await store.write([
      { collection: 'setting', key: 'profile', value: { displayName: name, bio: '', photo: undefined } },
    ])
  }
  show(
    welcomeView({
      invited: invited !== undefined,
      make: async (name, passphrase) => {
        if (name !== '') await naming(name)
        await makeKey(store, passphrase)
        await begin(true)
      },
      restore: async (file, passphrase) => {
        await restoreKey(store, file, passphrase)
        await begin(false)
      },
    }),
  )
}

void start().catch(fault)
void keepForOffline().catch(() => undefined)

/** Some browsers want to be told that the address of a script is meant. */
async function keepForOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const types: unknown = Reflect.get(globalThis, 'trustedTypes')
  const address = '/sw.js'
  if (!hasPolicies(types)) return void (await navigator.serviceWorker.register(address))
  const policy = types.createPolicy('messenger', { createScriptURL: () => address })
  await navigator.serviceWorker.register(policy.createScriptURL(address))
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: () => string },
  ): { createScriptURL(text: string): string }
}

function hasPolicies(value: unknown): value is TrustedTypes {
  return typeof value === 'object' && value !== null && 'createPolicy' in value
}
