import type { Client } from '@leaf/skrepka/client'
import type { Listed } from '@leaf/skrepka/conversation'
import { fromHex } from '@leaf/skrepka/hex'
import { readAddress } from '@leaf/skrepka/link'
import type { Contact } from '@leaf/skrepka/records'
import { toWords } from '@leaf/skrepka/words'
import type { Command } from 'commander'
import { waitingClock } from '../kernel/client-capabilities.ts'
import { exitCodes } from '../kernel/run.ts'
import type { CommandContext } from './command.ts'
import { defaultKeyFile, defaultRelay, type MailFlags, withClient } from './skrepka-client.ts'

interface SendFlags extends MailFlags {
  readonly wait: string
}

interface ReadFlags extends MailFlags {
  readonly follow?: true
}

/** Mail that waits arrives at once; when nothing came for this long, there is none. */
const quietMs = 2500
const pollMs = 50
const messagesMax = 1000

/** `leaf skrepka send`. */
export function addSend(group: Command, context: CommandContext): void {
  mailOptions(group.command('send <to> <text>').description('Seal a message and hand it to the relays.'))
    .option('-w, --wait <seconds>', 'how long to try before it is left in the outbox', '30')
    .addHelpText(
      'after',
      `
Examples:
  leaf skrepka send skrepka://<key>@relay.example 'See you at eight'
  leaf skrepka send ridler-binzod-… hello --relay relay.example`,
    )
    .action((to: string, text: string, flags: SendFlags) =>
      withClient(flags, context, async client => {
        const contact = await client.contacts.add(readAddress(to))
        const { place, id } = await client.conversations.sendText(contact.key, text)
        await client.start()
        const state = await sent(
          client,
          { peer: contact.key, place, waitMs: Number(flags.wait) * 1000 },
          context,
        )
        const ok = state === 'sent' || state === 'delivered'
        if (flags.json === true) context.terminal.line(JSON.stringify({ id, to: contact.key, state }))
        else if (ok) context.terminal.line('Sent. A relay keeps it until it is fetched.')
        else
          context.terminal.error(
            `${whyNot(client)} It stays in the outbox; the next leaf skrepka send or read tries again.`,
          )
        context.exit(ok ? exitCodes.ok : exitCodes.failed)
      }),
    )
}

/** `leaf skrepka read`. */
export function addRead(group: Command, context: CommandContext): void {
  mailOptions(group.command('read').description('Fetch mail and show what is new.'))
    .option('-f, --follow', 'go on, and show what arrives until stopped')
    .addHelpText(
      'after',
      `
Examples:
  leaf skrepka read                    shows what is new, and ends
  leaf skrepka read --follow --json    one JSON line a message, as they arrive`,
    )
    .action((flags: ReadFlags) =>
      withClient(flags, context, async client => {
        const clock = waitingClock(context.clock)
        let changedAt = clock.monotonic()
        const end = client.onChange(({ peers }) => {
          if (peers.size > 0) changedAt = clock.monotonic()
        })
        await client.start()
        for (;;) {
          await after(clock, pollMs)
          const shown = await showNew(client, flags, context)
          if (shown > 0) changedAt = clock.monotonic()
          const states = client
            .relays()
            .filter(({ home }) => home)
            .map(({ state }) => state)
          if (states.includes('connecting')) changedAt = clock.monotonic()
          if (flags.follow === true || states.includes('connecting')) continue
          if (states.every(state => state === 'offline')) {
            context.terminal.error(whyNot(client))
            context.exit(exitCodes.failed)
            break
          }
          if (clock.monotonic() - changedAt > quietMs) break
        }
        end()
      }),
    )
}

function mailOptions(command: Command): Command {
  return command
    .option('-k, --key <file>', 'the key file; what is said is kept beside it', defaultKeyFile)
    .option(
      '-r, --relay <names>',
      `relays of our mailbox, divided by commas (kept; at first ${defaultRelay})`,
    )
    .option('--passphrase-file <file>', 'where the passphrase stands, instead of being asked')
    .option('--json', 'answer as JSON')
}

/** The state of a message once a relay has taken or refused it, or the time is over. */
async function sent(
  client: Client,
  what: { readonly peer: string; readonly place: string; readonly waitMs: number },
  context: CommandContext,
): Promise<Listed['state']> {
  const clock = waitingClock(context.clock)
  const began = clock.monotonic()
  for (;;) {
    const messages = await client.conversations.list(what.peer, { limit: messagesMax })
    const state = messages.find(({ place }) => place === what.place)?.state ?? 'failed'
    if (state !== 'waiting' || clock.monotonic() - began > what.waitMs) return state
    await after(clock, pollMs)
  }
}

function after(
  clock: { after(delayMs: number, fn: () => void): () => void },
  delayMs: number,
): Promise<void> {
  return new Promise(resolve => void clock.after(delayMs, resolve))
}

function whyNot(client: Client): string {
  const problem = client.relays().find(relay => relay.problem !== undefined)?.problem
  return `No relay could be reached${problem === undefined ? '' : `: ${problem.message}`}.`
}

/** Shows what is unread, in the order of time, and marks it read; gives how much that was. */
async function showNew(client: Client, flags: ReadFlags, { terminal }: CommandContext): Promise<number> {
  const contacts = await client.contacts.list()
  const found: { readonly contact: Contact; readonly message: Listed }[] = []
  for (const contact of contacts) {
    if (contact.unread === 0 || contact.state === 'blocked') continue
    const theirs = (await client.conversations.list(contact.key, { limit: messagesMax })).filter(
      ({ mine }) => !mine,
    )
    for (const message of theirs.slice(-contact.unread)) found.push({ contact, message })
    await client.contacts.markRead(contact.key)
  }
  for (const { contact, message } of found.toSorted((a, b) => a.message.at - b.message.at)) {
    terminal.line(flags.json === true ? jsonOf(contact, message) : lineOf(contact, message))
  }
  return found.length
}

function jsonOf({ key, profile, state }: Contact, { id, body, at, media }: Listed): string {
  const picture = media === undefined ? {} : { picture: media.mime }
  return JSON.stringify({
    from: key,
    name: profile?.displayName ?? '',
    known: state === 'contact',
    id,
    at: new Date(at).toISOString(),
    body,
    ...picture,
  })
}

function lineOf(contact: Contact, { body, at, media }: Listed): string {
  const own = contact.name === '' ? (contact.profile?.displayName ?? '') : contact.name
  const words = toWords(fromHex(contact.key, 64))
  const who = own === '' ? words : `${own} (${words.split('-', 2).join('-')}-…)`
  const picture = media === undefined ? '' : `[picture, ${media.width} × ${media.height}] `
  return `${new Date(at).toISOString()}  ${who}: ${picture}${shownText(body)}`
}

/** What somebody wrote must not steer the terminal. */
function shownText(text: string): string {
  return text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, character =>
    character === '\n' ? '\n    ' : '\ufffd',
  )
}
