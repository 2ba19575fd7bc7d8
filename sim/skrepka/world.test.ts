import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import process from 'node:process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { seedMaker, standardMakers } from './makers.ts'
import { createPlan, type Plan } from './plan.ts'
import { shrinkPlan } from './shrink.ts'
import { type Makers, runPlan } from './world.ts'

/** Worlds of this test; a nightly run has more. */
const seeds = Number(process.env['LEAF_SIM_SEEDS'] ?? 200)
const size = { relays: 3, users: 10, hours: 2 }
const program = fileURLToPath(new URL('../main.ts', import.meta.url))

describe('worlds of three relays, ten people and two hours', () => {
  const makers = standardMakers()
  it(`keep every invariant, ${seeds} seeds`, async () => {
    const args = ['--conditions=leaf-source', program, 'leaf', '--runs', String(seeds), '--workers', '2']
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 900_000 }).catch(
      ({ stdout: told }: { stdout: string }) => assert.fail(`${told}`),
    )
    assert.match(stdout, /worlds, 0 processes failed/)
  })
  it('take the same course from the same seed', async () => {
    for (const seed of ['1', '6']) {
      const plan = createPlan(seed, size)
      const hashes = [await runPlan(plan, { makers }), await runPlan(plan, { makers })].map(one => one.hash)
      assert.equal(hashes[0], hashes[1])
    }
  })
})

describe('a failing plan', () => {
  const seedLike: Makers = { leaf: () => seedMaker(), seed: () => seedMaker() }
  it('is made smaller, and fails in the same way', async () => {
    const plan = createPlan('3', { relays: 2, users: 3, hours: 1 })
    const fails = async (candidate: Plan) =>
      (await runPlan(candidate, { makers: seedLike })).violations.some(one => one.invariant === 'I1')
    assert.equal(await fails(plan), true)
    const small = await shrinkPlan(plan, fails, { runsMax: 300 })
    assert.equal(await fails(small), true)
    assert.ok(small.events.length <= 5, `${small.events.length} of ${plan.events.length} events are left`)
  })
})
