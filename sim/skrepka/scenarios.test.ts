import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leafFor, seedMaker } from './makers.ts'
import { playScenario, scenarios } from './scenarios.ts'

describe('the seed’s server breaks', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}: ${scenario.title}`, async () => {
      const broken = await playScenario(scenario, 'seed', seedMaker(scenario.seedConstants))
      assert.ok(
        broken.some(one => one.startsWith(`${scenario.breaks} `)),
        `expected ${scenario.breaks}, got ${broken.slice(0, 5).join('\n')}`,
      )
    })
  }
})

describe('ours holds', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}: ${scenario.title}`, async () =>
      assert.deepEqual(await playScenario(scenario, 'leaf', leafFor(scenario)), []))
  }
})
