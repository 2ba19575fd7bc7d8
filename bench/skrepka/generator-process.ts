/** The process that makes the load: one job after the other, over raw sockets, with requests that are made beforehand. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { quantiles } from '../pds/load.ts'
import type { FetchJob, FetchResult, HoldJob, Job, SendJob, SendResult, WakeJob, WakeResult } from './jobs.ts'
import { type Line, openLine, postBytes } from './line.ts'

const host = '127.0.0.1'
/** Held connections from one address, far below the number of its ports. */
const linesOfAddressMax = 2500
/** Connections that are opened at a time. */
const openingMax = 200
/** Messages of one answer of /poll. */
const pageMax = 50

const fault = (error: unknown): void => {
  process.send?.({ fault: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

/** A request whose recipients and blobs change from call to call, in place. */
function createSend(options: { token: string; batch: number; blobBytes: number }) {
  const { token, batch, blobBytes } = options
  const blob = randomBytes(blobBytes).toString('hex')
  const one = `{"encryptedBlob":"${blob}","to":"${'0'.repeat(64)}"}`
  const request = postBytes('/messages', token, `{"messages":[${Array(batch).fill(one).join(',')}]}`)
  const first = request.indexOf('{"encryptedBlob"')
  const blobStart = '{"encryptedBlob":"'.length
  const keyStart = one.length - 66
  return (index: number, number: number, key: Buffer): Buffer => {
    const at = first + index * (one.length + 1)
    request.write(number.toString(16).padStart(16, '0'), at + blobStart, 'latin1')
    key.copy(request, at + keyStart)
    return request
  }
}

async function openLines(count: number, port: number): Promise<Line[]> {
  const lines: Line[] = []
  while (lines.length < count) {
    const now = Math.min(openingMax, count - lines.length)
    const opened = Array.from({ length: now }, (_, n) =>
      openLine({
        host,
        port,
        from: `127.0.0.${2 + Math.floor((lines.length + n) / linesOfAddressMax)}`,
        onFault: fault,
      }),
    )
    lines.push(...(await Promise.all(opened)))
  }
  return lines
}

/** Numbers that no other message of this process has. */
let number = 0

async function send(job: SendJob): Promise<SendResult> {
  const { port, tokens, batch, blobBytes } = job
  const keys = job.recipients.map(key => Buffer.from(key, 'latin1'))
  const lines = await openLines(job.lines, port)
  const start = performance.now() + job.warmUpMs
  const end = start + job.measureMs
  const samples: number[] = []
  let last = start
  await Promise.all(
    lines.map(
      (line, client) =>
        new Promise<void>(resolve => {
          const next = createSend({ token: tokens[client % tokens.length] ?? '', batch, blobBytes })
          let sentAt = 0
          const go = () => {
            let request: Buffer = Buffer.alloc(0)
            for (let index = 0; index < batch; index += 1) {
              number += 1
              request = next(index, number, keys[(number * 7919) % keys.length] ?? Buffer.alloc(0))
            }
            sentAt = performance.now()
            line.ask(request, answered)
          }
          const answered = (status: number, body: Buffer) => {
            const nowMs = performance.now()
            if (status !== 200) {
              fault(new Error(`expected 200, got ${status} ${body.toString()}`))
              return
            }
            if (sentAt >= start) {
              samples.push(nowMs - sentAt)
              last = nowMs
            }
            if (nowMs < end) go()
            else resolve()
          }
          go()
        }),
    ),
  )
  for (const line of lines) line.close()
  return { perSecond: (samples.length / (last - start)) * 1000, ...quantiles(samples) }
}

interface Held {
  readonly key: Buffer
  /** When what is sent to it now was due. */
  dueMs: number
  free: boolean
}

const held: Held[] = []
let onWoken: ((one: Held) => void) | undefined

async function hold({ port, people }: HoldJob): Promise<void> {
  const lines = await openLines(people.length, port)
  for (const [index, { key, token }] of people.entries()) {
    const one: Held = { key: Buffer.from(key, 'latin1'), dueMs: 0, free: true }
    held.push(one)
    const line = lines[index]
    const poll = (cursor: number) =>
      line?.ask(postBytes('/poll', token, JSON.stringify({ cursor })), (status, body) => {
        const cursorNow = Number(/"cursor":(\d+)/.exec(body.toString('latin1'))?.[1])
        if (status !== 200) fault(new Error(`expected 200 of /poll, got ${status} ${body.toString()}`))
        else if (body.length > 200) onWoken?.(one)
        poll(cursorNow)
      })
    poll(0)
    if (index % openingMax === openingMax - 1) await delay(5)
  }
}

async function wake(job: WakeJob): Promise<WakeResult> {
  const { port, tokens, blobBytes, perSecond, measureMs } = job
  const lines = await openLines(64, port)
  const sends = lines.map((_, n) =>
    createSend({ token: tokens[n % tokens.length] ?? '', batch: 1, blobBytes }),
  )
  const idle = [...lines.keys()]
  const woken: number[] = []
  const answered: number[] = []
  const count = Math.floor((perSecond * measureMs) / 1000)
  onWoken = one => {
    woken.push(performance.now() - one.dueMs)
    one.free = true
  }
  const start = performance.now() + 100
  for (let n = 0; n < count; ) {
    const late = performance.now() - start - (n * 1000) / perSecond
    const index = late < 0 ? undefined : idle.pop()
    if (index === undefined) {
      await delay(1)
      continue
    }
    let one = held[Math.floor(Math.random() * held.length)]
    while (one !== undefined && !one.free) one = held[Math.floor(Math.random() * held.length)]
    if (one === undefined) throw new Error('nobody is held')
    const dueMs = start + (n * 1000) / perSecond
    one.dueMs = dueMs
    one.free = false
    number += 1
    n += 1
    lines[index]?.ask(sends[index]?.(0, number, one.key) ?? Buffer.alloc(0), (status, body) => {
      if (status !== 200) fault(new Error(`expected 200, got ${status} ${body.toString()}`))
      answered.push(performance.now() - dueMs)
      idle.push(index)
    })
  }
  for (let left = 2000; left > 0 && woken.length < count; left -= 1) await delay(1)
  for (const line of lines) line.close()
  if (woken.length < count) throw new Error(`${count} were sent, ${woken.length} polls were answered`)
  return { count, ...quantiles(woken), sendP99Ms: quantiles(answered).p99Ms }
}

async function fetchAll({ port, people, expected }: FetchJob): Promise<FetchResult> {
  const lines = await openLines(Math.min(16, people.length), port)
  const started = performance.now()
  const left = [...people]
  let messages = 0
  await Promise.all(
    lines.map(
      line =>
        new Promise<void>(resolve => {
          const next = () => {
            const person = left.pop()
            if (person === undefined) return resolve()
            // An empty poll would be held.
            const ack = (cursor: number) =>
              line.ask(postBytes('/skrepka/ack', person.token, JSON.stringify({ cursor })), status => {
                if (status === 200) next()
                else fault(new Error(`expected 200 of /skrepka/ack, got ${status}`))
              })
            const poll = (cursor: number) =>
              line.ask(postBytes('/poll', person.token, JSON.stringify({ cursor })), (status, body) => {
                const text = body.toString('latin1')
                if (status !== 200) fault(new Error(`expected 200 of /poll, got ${status} ${text}`))
                const found = text.split('"encryptedBlob"').length - 1
                messages += found
                const cursorNow = Number(/"cursor":(\d+)/.exec(text)?.[1])
                if (found === pageMax) poll(cursorNow)
                else ack(cursorNow)
              })
            poll(0)
          }
          next()
        }),
    ),
  )
  const ms = performance.now() - started
  for (const line of lines) line.close()
  if (messages !== expected) throw new Error(`expected ${expected} messages, got ${messages}`)
  return { perSecond: (messages / ms) * 1000 }
}

const run = (job: Job): Promise<unknown> => {
  if (job.kind === 'send') return send(job)
  if (job.kind === 'hold') return hold(job)
  if (job.kind === 'wake') return wake(job)
  return fetchAll(job)
}

process.on('message', (job: Job) => {
  run(job).then(result => process.send?.({ result }), fault)
})
