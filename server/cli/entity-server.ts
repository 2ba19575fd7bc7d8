import { encodeCapability } from '@leaf/entities/meadowcap/capability'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { signSpaceRecord, toProofWord } from '@leaf/entities/resolver/space-record'
import { syncLimits } from '@leaf/entities/sync/contract'
import type { SyncResult } from '@leaf/entities/sync/client'
import type { Command } from 'commander'
import { hexOf, id32Of } from '../entities/hex.ts'
import { publicMessage } from '../entities/store/public-areas.ts'
import { socketTransport } from '../entities/sync/transport.ts'
import { platformFetch, waitingClock } from '../kernel/client-capabilities.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import { openWebSocket } from '../kernel/web-socket.ts'
import type { CommandContext } from './command.ts'
import { defaultFile, type Device, type FileFlags, pathOf, withDevice } from './entity-device.ts'

const defaultServer = 'http://localhost:3334'

interface SyncFlags extends FileFlags {
  readonly live?: true
  readonly under: string
}

/** `leaf entity sync`: brings the file and a server to the same entries. */
export function addSync(group: Command, context: CommandContext): void {
  group
    .command('sync [server]')
    .description('Bring your file and a server to the same entities.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('-u, --under <path>', 'only what is at and below a path', '')
    .option('--live', 'stay, and pass on changes as they come, until Ctrl-C')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity sync                               with a Leaf on this machine
  leaf entity sync https://leaf.example --live

Exit code 1 when the server cannot be reached, or does not keep your entities.`,
    )
    .action((server: string | undefined, flags: SyncFlags) =>
      withDevice({ file: flags.file, make: false }, context, device =>
        sync(addressOf(server ?? defaultServer), flags, device, context),
      ),
    )
}

/** A server's address, without path. Throws StartFault. */
function addressOf(server: string): URL {
  const url = URL.parse(/^https?:\/\//.test(server) ? server : `https://${server}`)
  if (url === null) throw new StartFault(`expected the address of a server, got ${server}`)
  return new URL(url.origin)
}

async function sync(server: URL, flags: SyncFlags, { leaf, space }: Device, context: CommandContext) {
  const { terminal } = context
  const address = new URL('/entities/sync', server)
  address.protocol = server.protocol === 'https:' ? 'wss:' : 'ws:'
  const webSocket = await openWebSocket(address.href, { bytesMax: syncLimits.frameBytesMax }).catch(
    (cause: unknown) => {
      throw new StartFault(
        `${server.host} cannot be reached: ${cause instanceof Error ? cause.message : 'no answer'}`,
        { cause },
      )
    },
  )
  const handle = leaf.sync(space, socketTransport(webSocket, waitingClock(context.clock)), {
    serverName: server.host,
    areas: [space.area(...pathOf(flags.under))],
    live: flags.live === true,
    ...(flags.live === true && flags.json !== true
      ? {
          onStatus: ({ phase, sent, received }) =>
            terminal.error(`${phase}: ${sent} sent, ${received} received`),
        }
      : {}),
  })
  tell(await handle.done, flags, context)
}

function tell(result: SyncResult, flags: FileFlags, { terminal }: CommandContext): void {
  const { sent, received, rounds, refused } = result
  if (flags.json === true) terminal.line(JSON.stringify({ sent, received, rounds, refused: refused ?? null }))
  else terminal.line(`${sent} sent, ${received} received.`)
  if (refused !== undefined)
    throw new StartFault(
      'the server did not take all: it keeps only its members’ entities, or the quota is used up. leaf entity link ties yours to your account',
    )
}

interface LinkFlags extends FileFlags {
  readonly did: string
}

/** `leaf entity link`: the proof that a subspace belongs to an account. */
export function addLink(group: Command, context: CommandContext): void {
  group
    .command('link')
    .description('Prove that your subspace belongs to your account; paste the proof at /account/entities.')
    .requiredOption('--did <did>', 'the DID of your account')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Example:
  leaf entity link --did did:plc:ewvi7nxzyoun6zhxrhs64oiz`,
    )
    .action((flags: LinkFlags) =>
      withDevice({ file: flags.file, make: true }, context, async ({ me, space }) => {
        if (!/^did:[a-z]+:[A-Za-z0-9._:%-]{1,2000}$/.test(flags.did))
          throw new StartFault(`expected a DID, got ${flags.did}`)
        const record = await signSpaceRecord(createNodeEd25519(), me.keyPair, {
          did: flags.did,
          namespace: space.namespace,
          encryptionKey: me.encryptionKey.publicKey,
        })
        const proof = toProofWord(record)
        const { terminal } = context
        if (flags.json === true)
          return terminal.line(JSON.stringify({ subspace: hexOf(me.publicKey), did: flags.did, proof }))
        terminal.line(`Your subspace: ${hexOf(me.publicKey)}`)
        terminal.line(`The proof, for ${flags.did} only:`)
        terminal.line(proof)
      }),
    )
}

interface PublishFlags extends FileFlags {
  readonly off?: true
  readonly server: string
}

/** `leaf entity publish`: lets everybody read, through one server. */
export function addPublish(group: Command, context: CommandContext): void {
  group
    .command('publish [path]')
    .description('Let everybody read what is at and below a path, through a server.')
    .option('-f, --file <file>', 'where your entities are', defaultFile)
    .option('-s, --server <address>', 'the server', defaultServer)
    .option('--off', 'take it back')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf entity publish posts
  leaf entity publish posts --off`,
    )
    .action((path: string | undefined, flags: PublishFlags) =>
      withDevice({ file: flags.file, make: false }, context, device =>
        publish(path ?? '', flags, device, context),
      ),
    )
}

async function publish(path: string, flags: PublishFlags, { me, space }: Device, context: CommandContext) {
  const server = addressOf(flags.server)
  const { serverKey, serverName } = await serverInfo(server)
  const capability = await space.delegate({ to: serverKey, mode: 'read', under: pathOf(path) })
  const wish = { capability, isPublic: flags.off !== true, statedAt: context.clock.now() }
  const signature = await createNodeEd25519().sign(me.keyPair, publicMessage(serverName, wish))
  const body = JSON.stringify({
    capability: Buffer.from(encodeCapability(capability)).toString('base64'),
    public: wish.isPublic,
    at: wish.statedAt,
    signature: Buffer.from(signature).toString('base64'),
  })
  const answer = await ask(new URL('/entities/public', server), { method: 'POST', body })
  if (!answer.ok) throw new StartFault(`${server.host} refused: ${await reasonOf(answer)}`)
  const { terminal } = context
  const place = new URL(`/entities/browse/${hexOf(space.namespace)}/${hexOf(me.publicKey)}/${path}`, server)
    .href
  if (flags.json === true) terminal.line(JSON.stringify({ public: wish.isPublic, place }))
  else terminal.line(wish.isPublic ? `Everybody may read it now: ${place}` : 'It is public no more.')
}

async function serverInfo(
  server: URL,
): Promise<{ readonly serverKey: Uint8Array; readonly serverName: string }> {
  const answer = await ask(new URL('/entities/server', server), {})
  const info: unknown = answer.ok ? await answer.json() : undefined
  const field = (name: string): unknown =>
    typeof info === 'object' && info !== null ? Reflect.get(info, name) : undefined
  const serverKey = id32Of(String(field('serverKey')))
  const serverName = field('serverName')
  if (serverKey === undefined || typeof serverName !== 'string' || serverName !== server.host)
    throw new StartFault(`${server.host} is no Leaf with entities, or has another name for itself`)
  return { serverKey, serverName }
}

async function ask(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await platformFetch(url.href, init)
  } catch (cause) {
    throw new StartFault(`${url.host} cannot be reached`, { cause })
  }
}

async function reasonOf(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined)
  const message: unknown =
    typeof body === 'object' && body !== null ? Reflect.get(body, 'message') : undefined
  return typeof message === 'string' ? message : `status ${answer.status}`
}
