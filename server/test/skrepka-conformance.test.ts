/** The contract of the Skrepka relay, one test a rule: against a model of the seed's server, and against ours. */
import { after, before, describe, it } from 'node:test'
import { seedMaker } from '../../sim/skrepka/makers.ts'
import { chapters, ours, ruleOn } from './skrepka/all-rules.ts'
import { createHttpHost } from './skrepka/http-host.ts'
import type { Host, Rule } from './skrepka/subject.ts'
import { createVirtualHost } from './skrepka/virtual-host.ts'
import { seedWeaknesses } from './skrepka/weaknesses.ts'

const seed = createVirtualHost('the model of the seed’s server', 'seed', seedMaker)

function rulesOn(host: Host, rules: readonly Rule[]): void {
  for (const rule of rules) {
    const seen = ruleOn(host, rule)
    if (seen !== undefined) it(seen.title, async () => seen.run(await host.open(seen.constants ?? {})))
  }
}

for (const host of [seed, ours]) {
  for (const [chapter, rules] of chapters) describe(`${host.name}: ${chapter}`, () => rulesOn(host, rules))
}
describe(`${seed.name}: its weaknesses`, () => rulesOn(seed, seedWeaknesses))

describe('ours on its own listener', () => {
  const host = createHttpHost()
  before(() => host.start())
  after(() => host.stop())
  for (const [chapter, rules] of chapters) describe(chapter, () => rulesOn(host, rules))
})
