/** A client of the seed's server, as small as can be. */
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { Answer, CallOptions, Peer, Subject } from './subject.ts'

const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface Person {
  readonly key: string
  readonly sign: (text: string) => string
}

let people = 0

/** Somebody with a key of her own; a new one each time. */
export function createPerson(name = `person ${(people += 1)}`): Person {
  const seed = Buffer.alloc(32)
  seed.write(name)
  const privateKey = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const key = createPublicKey(privateKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('hex')
  return { key, sign: text => sign(null, Buffer.from(text), privateKey).toString('hex') }
}

export interface Session {
  readonly person: Person
  readonly token: string
  readonly options: CallOptions
}

export function textField(answer: Answer, name: string): string {
  const value = answer.json?.[name]
  assert.equal(typeof value, 'string', `${name} of ${answer.text}`)
  return value as string
}

export function numberField(answer: Answer, name: string): number {
  const value = answer.json?.[name]
  assert.equal(typeof value, 'number', `${name} of ${answer.text}`)
  return value as number
}

export async function challengeOf(subject: Subject, person: Person, options?: CallOptions): Promise<string> {
  const answer = await subject.call('/auth/challenge', { pubkey: person.key }, options)
  assert.equal(answer.status, 200, answer.text)
  return textField(answer, 'challenge')
}

export async function logIn(
  subject: Subject,
  person: Person,
  { revokeOthers = false, ...options }: CallOptions & { readonly revokeOthers?: boolean } = {},
): Promise<Session> {
  const challenge = await challengeOf(subject, person, options)
  const body = { pubkey: person.key, challenge, signature: person.sign(challenge), revokeOthers }
  const answer = await subject.call('/auth/verify', body, options)
  assert.equal(answer.status, 200, answer.text)
  const token = textField(answer, 'token')
  return { person, token, options: { ...options, headers: { authorization: `Bearer ${token}` } } }
}

export const blobOf = (text: string): string => Buffer.from(text).toString('hex')

export async function send(
  subject: Subject,
  from: Session,
  messages: readonly (readonly [to: Person, text: string])[],
): Promise<void> {
  const body = { messages: messages.map(([to, text]) => ({ to: to.key, encryptedBlob: blobOf(text) })) }
  const answer = await subject.call('/messages', body, from.options)
  assert.equal(answer.status, 200, answer.text)
}

export interface Page {
  readonly texts: readonly string[]
  readonly cursor: number
}

export function pageOf(answer: Answer): Page {
  assert.equal(answer.status, 200, answer.text)
  const events = answer.json?.['events']
  assert.ok(Array.isArray(events), answer.text)
  const texts = events.map((event: unknown) => {
    assert.ok(typeof event === 'object' && event !== null && 'encryptedBlob' in event)
    return Buffer.from(String(event.encryptedBlob), 'hex').toString()
  })
  return { texts, cursor: numberField(answer, 'cursor') }
}

export const beginPoll = (subject: Subject, session: Session, cursor: number) =>
  subject.begin('/poll', { cursor }, session.options)

export async function poll(subject: Subject, session: Session, cursor: number): Promise<Page> {
  return pageOf(await beginPoll(subject, session, cursor).settled)
}

/** Asserts the answer's status and its error code or text. */
export function assertRefused(answer: Answer, status: number, error: string | RegExp): void {
  assert.equal(answer.status, status, answer.text)
  const told = textField(answer, 'error')
  if (typeof error === 'string') assert.equal(told, error)
  else assert.match(told, error)
}

/** The peer tells the relay that this key is there, or is gone. */
export async function gossip(
  subject: Subject,
  peer: Pick<Peer, 'name' | 'address'>,
  events: readonly (readonly [eventType: string, key: string])[],
): Promise<Answer> {
  const body = {
    events: events.map(([eventType, pubkey]) => ({ eventType, pubkey })),
    fromServer: peer.name,
  }
  return subject.call('/federation/gossip', body, { address: peer.address })
}

/** Bodies of what the peer got on this path. */
export const callsTo = (peer: Peer, path: string) =>
  peer.calls.filter(call => call.path === path).map(call => call.body)
