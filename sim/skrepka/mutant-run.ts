/**
 * Runs in a process of its own, with one mutant in the place of what it mutates: ends with 0 when something noticed, and
 * says what; with 1 when nothing did; with 2 when the mutant does not fit the sources any more.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { mutants } from './mutants.ts'

/** Worlds that it may live through. */
const worldsMax = 12
const print = (text: string) => void process.stdout.write(`${text}\n`)

const mutant = mutants.find(one => one.name === process.argv[2])
if (mutant === undefined) {
  print(`no such mutant: ${process.argv[2]}`)
  process.exit(2)
}
const sources = new Map<string, string>()
for (const { file, find, replace } of mutant.edits) {
  const url = new URL(`../../server/skrepka/${file}`, import.meta.url).href
  const source = sources.get(url) ?? readFileSync(fileURLToPath(url), 'utf8')
  if (!source.includes(find)) {
    print(`does not fit ${file}: ${find}`)
    process.exit(2)
  }
  sources.set(
    url,
    source.replaceAll(find, () => replace),
  )
}
registerHooks({
  load: (url, context, next) => {
    const source = sources.get(url)
    return source === undefined
      ? next(url, context)
      : { format: 'module-typescript', source, shortCircuit: true }
  },
})
// A mutant may break a promise that nobody waits for: that is noticed, too.
process.on('unhandledRejection', error => noticed(`unhandled: ${String(error)}`))

function noticed(by: string): never {
  print(by)
  process.exit(0)
}

const { rulesBroken } = await import('../../server/test/skrepka/all-rules.ts')
const { leafFor, standardMakers } = await import('./makers.ts')
const { playScenario, scenarios } = await import('./scenarios.ts')
const { createPlan } = await import('./plan.ts')
const { runPlan } = await import('./world.ts')

for (const scenario of scenarios) {
  const [broken] = await playScenario(scenario, 'leaf', leafFor(scenario))
  if (broken !== undefined) noticed(`scenario ${scenario.name}: ${broken}`)
}
const [rule] = await rulesBroken()
if (rule !== undefined) noticed(`rule: ${rule}`)
for (let seed = 1; seed <= worldsMax; seed += 1) {
  const plan = createPlan(String(seed), { relays: 3, users: 10, hours: 2 })
  const [violation] = (await runPlan(plan, { makers: standardMakers() })).violations
  if (violation !== undefined) noticed(`seed ${seed}: ${violation.invariant} ${violation.what.slice(0, 200)}`)
}
print('nothing noticed')
process.exit(1)
