/** The key and the mailbox of whoever sits at the command line. */
import { readBackup } from '@leaf/skrepka/backup'
import { type Client, createClient } from '@leaf/skrepka/client'
import { MalformedError, SkrepkaError } from '@leaf/skrepka/errors'
import { identityFromSeed } from '@leaf/skrepka/identity'
import { openFileStore } from '@leaf/skrepka/node/file-store'
import { platformFetch, waitingClock } from '../kernel/client-capabilities.ts'
import { diskFolders } from '../kernel/files.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import { askSecret } from '../kernel/secret-prompt.ts'
import type { CommandContext } from './command.ts'

export interface KeyFlags {
  readonly key: string
  readonly passphraseFile?: string
  readonly json?: true
}

export interface MailFlags extends KeyFlags {
  readonly relay?: string
}

export const defaultKeyFile = 'skrepka-key.json'
export const defaultRelay = 'localhost:3334'

/** The text of a file; says so when there is none. */
export async function readText(path: string, what: string): Promise<string> {
  const bytes = await diskFolders.read(path)
  if (bytes === undefined)
    throw new StartFault(`there is no ${what} ${path}. leaf skrepka keygen makes a key`)
  return new TextDecoder().decode(bytes)
}

/** The passphrase: from the file that was named, or asked. */
export async function passphraseOf(
  flags: Pick<KeyFlags, 'passphraseFile'>,
  question: string,
  context: CommandContext,
): Promise<string> {
  if (flags.passphraseFile !== undefined) {
    return (await readText(flags.passphraseFile, 'passphrase file')).replace(/\r?\n$/, '')
  }
  if (!context.terminal.interactive) {
    throw new StartFault(
      'nobody is there to be asked for the passphrase: put it into a file and name it, --passphrase-file <file>',
    )
  }
  return askSecret(question)
}

/** Opens key and mailbox, works with them, and closes. What cannot be done is told as a sentence. */
export async function withClient(
  flags: MailFlags,
  context: CommandContext,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const { random, terminal } = context
  await inWords(async () => {
    const text = await readText(flags.key, 'key file')
    const seed = await readBackup({
      text,
      passphrase: await passphraseOf(flags, `Passphrase of ${flags.key}: `, context),
    })
    const store = await openFileStore(`${flags.key}.mail`)
    const client = createClient({
      identity: identityFromSeed(seed),
      store,
      fetch: platformFetch,
      clock: waitingClock(context.clock),
      random: count => random.bytes(count),
      relays: relaysOf(flags.relay ?? defaultRelay),
      onFault: error => terminal.error(String(error)),
    })
    try {
      if (flags.relay !== undefined) await client.setRelays(relaysOf(flags.relay))
      await work(client)
    } finally {
      await client.stop()
      await store.close()
    }
  })
}

/** Names of relays, divided by commas. */
export function relaysOf(text: string): string[] {
  return text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}

/** Turns what a library expects to go wrong into what a command says. */
export async function inWords(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof SkrepkaError || error instanceof MalformedError)
      throw new StartFault(error.message, { cause: error })
    throw error
  }
}
