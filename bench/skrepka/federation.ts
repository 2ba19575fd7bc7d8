import { freePorts } from '../../tools/oracles/src/ports.ts'
import { logIn } from './people.ts'
import { countText, type Figure, senders, withRelay } from './scenarios.ts'

/** Mail that is sent at one relay to people who are held at another: from the send to the poll's answer. */
export async function federation(measureMs: number): Promise<Figure[]> {
  const [portA = 0, portB = 0] = await freePorts(2)
  const environment = (own: number, other: number) => ({
    SKREPKA_LISTEN: `127.0.0.1:${own}`,
    SKREPKA_SERVER_HOST: `127.0.0.1:${own}`,
    SKREPKA_FEDERATION_SCHEME: 'http://',
    SKREPKA_SEED_PEERS: `127.0.0.1:${other}`,
    SKREPKA_GOSSIP_RATE_LIMIT: '0',
    SKREPKA_FORWARD_RATE_LIMIT: '0',
  })
  return withRelay(environment(portA, portB), () =>
    withRelay(environment(portB, portA), async (_relay, generator) => {
      const people = await logIn(portB, 200)
      const tokens = (await logIn(portA, senders)).map(one => one.token)
      await generator.hold({ port: portB, people })
      // Presence is told in the background.
      await new Promise(resolve => setTimeout(resolve, 3000))
      const job = { port: portA, tokens, blobBytes: 512, perSecond: 50 }
      await generator.wake({ ...job, measureMs: 1000 })
      const woken = await generator.wake({ ...job, measureMs })
      return [
        {
          name: 'sent at one relay, answered to a poll held at another, 50/s',
          text: `p50 ${woken.p50Ms.toFixed(1)} ms, p99 ${woken.p99Ms.toFixed(1)} ms, ${countText(woken.count)} messages`,
        },
      ]
    }),
  )
}
