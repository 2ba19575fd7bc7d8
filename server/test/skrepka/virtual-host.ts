/** Hosts on virtual time: a relay in a world of its own, with peers that are as simple as the seed allows. */
import { createLoop, worldStartMs } from '../../../sim/skrepka/loop.ts'
import { createNetwork, type NetAnswer } from '../../../sim/skrepka/network.ts'
import { createSeededRandom } from '../../../sim/skrepka/random.ts'
import { createRelayProcess, type RelayMaker } from '../../../sim/skrepka/relay-process.ts'
import type { Answer, CallOptions, Constants, Host, Peer, PeerCall, Pending, Subject } from './subject.ts'

/** A long poll and its timeout end well within this. */
const callMsMax = 120_000

/** A host that makes its relays with `makerFor`. */
export function createVirtualHost(
  name: string,
  kind: Host['kind'],
  makerFor: (constants: Constants) => RelayMaker,
): Host {
  return { name, kind, virtual: true, open: constants => open(makerFor(constants)) }
}

async function open(make: RelayMaker): Promise<Subject> {
  const loop = createLoop()
  const random = createSeededRandom('conformance')
  const network = createNetwork(loop, random.fork('network'))
  const serverHost = 'relay.example'
  let fault: unknown
  let peers = 0
  const relay = createRelayProcess({
    name: serverHost,
    address: '203.0.113.1',
    seedPeers: [],
    make,
    loop,
    network,
    random: random.fork('relay'),
    skewMs: 0,
    commitMs: [1, 3],
    onBoot: () => undefined,
    onFault: error => {
      fault = error
    },
  })
  const run = async (ms: number, isDone?: () => boolean) => {
    await loop.run(loop.elapsedMs() + ms, () => fault !== undefined || isDone?.() === true)
    if (fault !== undefined) throw fault
  }
  relay.boot()
  await run(10_000, relay.isUp)

  const begin = (path: string, body: unknown, options: CallOptions = {}): Pending => {
    let answer: Answer | undefined
    let failure: unknown
    const { method = 'POST', address = null, headers = {} } = options
    const from = { name: 'client', address: address ?? '198.51.100.1' }
    const request = {
      method,
      path,
      headers: { ...headers, ...(address === null && { 'x-forwarded-for': '' }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }
    void network.send(from, serverHost, request, callMsMax).then(
      got => {
        answer = answerOf(got)
      },
      (error: unknown) => {
        failure = error
      },
    )
    const settle = async () => {
      await run(callMsMax, () => answer !== undefined || failure !== undefined)
      if (answer === undefined) throw new Error(`no answer of ${path}`, { cause: failure })
      return answer
    }
    return {
      answer: () => answer,
      get settled() {
        return settle()
      },
    }
  }

  return {
    serverHost,
    now: () => worldStartMs + loop.elapsedMs(),
    begin,
    call: (path, body, options) => begin(path, body, options).settled,
    pass: ms => run(ms),
    peer: async () => {
      peers += 1
      const peer: Peer = {
        name: `peer${peers}.example`,
        address: `203.0.113.${100 + peers}`,
        calls: [],
        answers: () => ({ status: 200, body: '{}' }),
      }
      network.listen(peer.name, (_from, request) => {
        if (peer.answers === undefined) return undefined
        if (!request.path.startsWith('/federation/')) return Promise.resolve(notFound)
        const call: PeerCall = { path: request.path, body: JSON.parse(request.body ?? '{}') }
        peer.calls.push(call)
        return Promise.resolve({ headers: {}, ...peer.answers(call) })
      })
      return peer
    },
  }
}

const notFound: NetAnswer = { status: 404, headers: {}, body: '{"error":"not found"}' }

function answerOf({ status, headers, body }: NetAnswer): Answer {
  return { status, headers, text: body, json: jsonOf(body) }
}

/** The text as a JSON object; undefined when it is none. */
export function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
