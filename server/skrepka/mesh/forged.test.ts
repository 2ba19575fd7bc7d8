/** Forged gossip in numbers. `LEAF_FORGED_EVENTS=1000000` for the long form. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import process from 'node:process'
import { person, proofFor, seededRandom, type TestRelay, within, type World } from './test-world.ts'

const events = Number(process.env['LEAF_FORGED_EVENTS'] ?? 20_000)
const victims = Array.from({ length: 20 }, (_, n) => person(`victim ${n}`))
const hostsCount = 50
const budget = 10_000
const seed = Number(process.env['LEAF_SEED'] ?? 7)

const hex = (text: string, length: number) => createHash('sha512').update(text).digest('hex').slice(0, length)

/** What somebody without a victim's key can come by: nothing, noise, true proofs of other servers, keys or times, and changed ones. */
function forge(
  kind: number,
  who: (typeof victims)[number],
  server: string,
  nowMs: number,
  salt: string,
): object {
  const other = victims[(victims.indexOf(who) + 1) % victims.length] ?? who
  const real = proofFor(who, 'home.example', nowMs)
  const kinds: (() => unknown)[] = [
    () => undefined,
    () => ({ challenge: hex(salt, 48), r: hex(salt, 32), signature: hex(salt, 128) }),
    () => real,
    () => proofFor(other, server, nowMs),
    // Right for the server's name, signed by nobody.
    () => ({ ...proofFor(who, server, nowMs), signature: real.signature }),
    () => ({ ...real, r: proofFor(who, server, nowMs).r }),
    () => ({ ...proofFor(who, server, nowMs), boundHost: server, signature: hex(salt, 128) }),
    () => ({ challenge: 7, r: [], signature: {} }),
  ]
  const proof = kinds[kind % kinds.length]?.()
  return { eventType: 'online', pubkey: who.key, ...(proof === undefined ? {} : { proof }) }
}

async function attack(world: World, relay: TestRelay): Promise<number> {
  const random = seededRandom(seed)
  let stolen = 0
  for (let n = 0; n < hostsCount; n += 1) {
    world.hosts.set(`evil${n}.example`, async request => {
      const body = Buffer.from(request.body).toString()
      for (const match of body.matchAll(/"encryptedBlob":"([0-9a-f]+)"/g))
        stolen += (match[1] ?? '').length / 2
      return {
        status: 200,
        body: request.method === 'GET' ? `{"name":"evil${n}.example","features":["forward-batch"]}` : '{}',
      }
    })
  }
  // Signing is what a forger cannot do, so the few that can be made are made once.
  const stock = new Map<string, object>()
  for (let done = 0; done < events; done += 100) {
    const server = `evil${random.integer(hostsCount)}.example`
    const batch = Array.from({ length: Math.min(100, events - done) }, () => {
      const kind = random.integer(8)
      const victim = random.integer(victims.length)
      const id = `${kind} ${victim} ${server}`
      let event = stock.get(id)
      if (event === undefined) {
        const who = victims[victim]
        assert.ok(who)
        event = forge(kind, who, server, world.clock.now(), id)
        stock.set(id, event)
      }
      return event
    })
    const answer = await relay.ask(
      '/federation/gossip',
      { events: batch, fromServer: server },
      { address: `198.51.${random.integer(256)}.${random.integer(256)}` },
    )
    assert.equal(answer.status, 200, `seed ${seed}`)
    if (done % 5000 === 0) await world.pass(1000, 1000)
  }
  await world.pass(20_000, 1000)
  return stolen
}

async function fill(relay: TestRelay) {
  for (const who of victims)
    await relay.send(who.key, ...Array.from({ length: 20 }, (_, n) => Buffer.alloc(2000, n)))
}

within(`of ${events} forged events none is accepted in require`, async world => {
  const relay = await world.relay('a.example', { federationPolicy: 'require', gossipRateLimit: 1e9 })
  await fill(relay)
  assert.equal(await attack(world, relay), 0, `seed ${seed}`)
  const rows = await relay.database.direct.all("SELECT 1 AS one FROM skrepka_presence WHERE server <> ''")
  assert.deepEqual([rows.length, (await relay.mesh.counts()).peers, world.calls.length], [0, 0, 0])
})

within(`${events} forged events move no mail beyond the budget in prefer`, async world => {
  const relay = await world.relay('a.example', { unprovenBytesPerHour: budget, gossipRateLimit: 1e9 })
  await fill(relay)
  const stolen = await attack(world, relay)
  assert.ok(stolen > 0 && stolen <= 16 * budget, `${stolen} bytes, seed ${seed}`)
  const proven = await relay.database.direct.all(
    'SELECT 1 AS one FROM skrepka_presence WHERE proof_at IS NOT NULL',
  )
  assert.deepEqual(proven, [])
})
