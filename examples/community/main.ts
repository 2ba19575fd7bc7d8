/**
 * The community on a real server: makes a stream, sets it up, says something, and watches it arrive. See README.md.
 */
import process from 'node:process'
import { decodeDrisl, isMap } from '@leaf/codec/drisl'
import { createLeafClient } from '@leaf/streams/node/client'
import { sha256 } from '@leaf/streams/node/crypto'
import { payloadOf } from './events.ts'
import { community } from './module.ts'
import { createAuthenticator } from './sign-in.ts'

const [url = 'http://localhost:3334', existing] = process.argv.slice(2)
const client = createLeafClient(url, createAuthenticator(url, process.env))
client.on('error', error => console.error(error.message))
client.on('authenticated', did => console.log(`signed in as ${did ?? 'nobody'}`))

/** A new stream with one room; the module is uploaded when the server does not have it. */
async function found(): Promise<string> {
  const moduleCid = community.cid(sha256)
  if (!(await client.hasModule(moduleCid))) await client.uploadModule(community.bytes)
  const { streamDid } = await client.createStream(moduleCid)
  await client.sendEvents(streamDid, [
    payloadOf('1', { type: 'createSpace', name: 'Garden club', joinRule: 'open' }),
    payloadOf('2', { type: 'createRoom', room: 'hall', name: 'Hall' }),
  ])
  return streamDid
}

const streamDid = existing ?? (await found())
console.log(`the stream is ${streamDid}`)

// From the first event on: what happened so far comes in pages, what happens later as it happens. Lines end the program.
const end = await client.subscribeEvents(
  streamDid,
  community.query('events', {}, { start: 1, limit: 100 }),
  page => {
    if (!page.ok) return console.error(page.error.message)
    for (const { idx, user, payload } of page.rows) {
      const event = decodeDrisl(payload)
      console.log(`${idx} ${user} ${isMap(event) ? JSON.stringify(event) : ''}`)
    }
    if (!page.hasMore) console.log('· up to date')
  },
)

await client.sendEvent(
  streamDid,
  payloadOf(crypto.randomUUID(), { type: 'sendMessage', room: 'hall', body: 'Hello from the example.' }),
)
for (const { author, body } of await client.query(
  streamDid,
  community.query('messages', { room: 'hall' }, { limit: 5 }),
)) {
  console.log(`${author}: ${body}`)
}

console.log('watching; Ctrl-C ends it')
process.once('SIGINT', () => {
  void end()
    .catch((error: unknown) => console.error(error))
    .finally(() => client.disconnect())
})
