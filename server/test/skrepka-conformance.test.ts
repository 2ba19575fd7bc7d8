/** The contract of the Skrepka relay, one test a rule: against a model of the seed's server, and against ours. */
import { describe, it } from 'node:test'
import { leafMaker, seedMaker } from '../../sim/skrepka/makers.ts'
import { differences } from './skrepka/differences.ts'
import { authRules } from './skrepka/rules-auth.ts'
import { httpRules } from './skrepka/rules-http.ts'
import { mailRules } from './skrepka/rules-mail.ts'
import { meshRules } from './skrepka/rules-mesh.ts'
import type { Host, Rule } from './skrepka/subject.ts'
import { createVirtualHost } from './skrepka/virtual-host.ts'
import { seedWeaknesses } from './skrepka/weaknesses.ts'

const chapters: readonly (readonly [name: string, rules: readonly Rule[]])[] = [
  ['requests', httpRules],
  ['challenge, verify, session', authRules],
  ['send, poll, ack', mailRules],
  ['gossip, forward, retry, prune', meshRules],
]

const seed = createVirtualHost('the model of the seed’s server', 'seed', seedMaker)
const ours = createVirtualHost('ours in process', 'leaf', settings => leafMaker({ settings }))

function rulesOn(host: Host, rules: readonly Rule[]): void {
  for (const { title, virtual = false, constants = {}, run } of rules) {
    if ((virtual || Object.keys(constants).length > 0) && !host.virtual) continue
    const difference = host.kind === 'leaf' ? differences[title] : undefined
    if (difference !== undefined && difference.run === undefined) continue
    it(difference === undefined ? title : `${title}: not here, as ${difference.why}`, async () =>
      (difference?.run ?? run)(await host.open(constants)),
    )
  }
}

for (const host of [seed, ours]) {
  for (const [chapter, rules] of chapters) describe(`${host.name}: ${chapter}`, () => rulesOn(host, rules))
}
describe(`${seed.name}: its weaknesses`, () => rulesOn(seed, seedWeaknesses))
