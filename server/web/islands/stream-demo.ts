/** The home page's stream: makes one from the guestbook module, sends a line, and shows what arrives. */
import { encodeDrisl } from '@leaf/codec/drisl'
import { createLeafClient } from '@leaf/streams/browser/client'
import type { LeafClient } from '@leaf/streams/client'
import { LeafError } from '@leaf/streams/client-types'
import { guestbook } from './guestbook.ts'

const shownMax = 50

const form = document.querySelector<HTMLFormElement>('[data-stream-demo]')
const list = document.querySelector<HTMLElement>('#stream-events')
const state = document.querySelector<HTMLElement>('[data-stream-state]')
const note = document.querySelector<HTMLElement>('[data-stream-note]')
const facts = document.querySelector<HTMLElement>('[data-stream-facts]')

if (form !== null && list !== null) begin(form, list)

function begin(form: HTMLFormElement, list: HTMLElement): void {
  const field = form.querySelector('input[name=line]') as HTMLInputElement
  const button = form.querySelector('button') as HTMLButtonElement
  const remembered = `leaf-guestbook ${form.dataset['account'] ?? ''}`
  let open: { readonly client: LeafClient; readonly stream: string } | undefined

  const tell = (kind: 'good' | 'bad' | '', text: string) => {
    if (note === null) return
    note.className = `hint ${kind}`
    note.textContent = text
  }
  const say = (text: string) => {
    if (state !== null) state.textContent = text
  }

  /** A token for this server's streams, signed by the account's own key. */
  const token = async (): Promise<string> => {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({ csrf: String(new FormData(form).get('csrf')) }),
    })
    const body = (await answer.json()) as { token?: string; message?: string }
    if (!answer.ok || body.token === undefined) throw new Error(body.message ?? 'no token was given')
    return body.token
  }

  const show = (idx: bigint | number, line: string) => {
    list.querySelector('.empty')?.remove()
    const item = document.createElement('li')
    item.className = 'fresh'
    const head = document.createElement('div')
    head.className = 'what'
    const text = document.createElement('strong')
    text.textContent = line
    const seq = document.createElement('span')
    seq.className = 'seq'
    seq.textContent = `#${idx}`
    head.append(text, seq)
    item.append(head)
    list.prepend(item)
    while (list.children.length > shownMax) list.lastElementChild?.remove()
  }

  /** The stream of the last visit, if it is still there; else a new one. */
  const streamOf = async (client: LeafClient): Promise<{ stream: string; moduleCid: string }> => {
    const known = localStorage.getItem(remembered)
    if (known !== null) {
      const info = await client.streamInfo(known).catch(() => undefined)
      if (info?.moduleCid) return { stream: known, moduleCid: info.moduleCid }
    }
    tell('', 'Uploading the module …')
    const { moduleCid } = await client.uploadModule(guestbook.bytes)
    tell('', 'Making the stream and its identity …')
    const { streamDid } = await client.createStream(moduleCid)
    localStorage.setItem(remembered, streamDid)
    return { stream: streamDid, moduleCid }
  }

  const showFacts = (stream: string, moduleCid: string) => {
    if (facts === null) return
    facts.hidden = false
    const log = facts.querySelector<HTMLAnchorElement>('[data-log]')
    if (log !== null) log.href = `/streams/${stream}/events`
    for (const [name, value] of [
      ['data-did', stream],
      ['data-cid', moduleCid],
    ] as const) {
      const place = facts.querySelector(`[${name}]`)
      if (place !== null) place.textContent = value
    }
  }

  const connect = async () => {
    if (open !== undefined) return open
    const client = createLeafClient(location.origin, token)
    client.on('disconnect', () => say('connecting again …'))
    client.on('authenticated', () => say('live'))
    try {
      const { stream, moduleCid } = await streamOf(client)
      await client.subscribeEvents(stream, guestbook.query('lines', {}, { start: 1, limit: 50 }), page => {
        if (page.ok) for (const { idx, line } of page.rows) show(idx, line)
        else tell('bad', page.error.message)
      })
      showFacts(stream, moduleCid)
      open = { client, stream }
      return open
    } catch (error) {
      client.disconnect()
      throw error
    }
  }

  const fail = (error: unknown) =>
    tell('bad', `That did not work: ${error instanceof Error ? words(error) : 'for no known reason'}.`)

  form.addEventListener('submit', async event => {
    event.preventDefault()
    button.disabled = true
    try {
      const line = field.value.trim()
      const { client, stream } = await connect()
      await client.sendEvent(stream, encodeDrisl({ $type: 'guestbook.line', line }))
      field.value = ''
      tell('good', 'Stored, and sent to everybody who follows the stream.')
    } catch (error) {
      fail(error)
    } finally {
      button.disabled = false
      field.focus()
    }
  })

  say('ready')
  // A stream from an earlier visit shows what it has without being asked.
  if (localStorage.getItem(remembered) !== null) connect().catch(fail)
}

/** Texts of SQL say where they come from; people need the rest. */
function words(error: Error): string {
  if (!(error instanceof LeafError)) return error.message
  return /`(?:Unauthorized: )?(.+)`$/.exec(error.message)?.[1] ?? error.message
}
