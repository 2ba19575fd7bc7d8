/**
 * `npm run sim -- <seed> [--relays N] [--users N] [--hours N] [--runs N] [--workers N] [--trace] [--shrink]`: runs worlds of Skrepka
 * relays in virtual time, from this seed on. Ends with 1 when an invariant broke, and says how to see it again.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { standardMakers } from './skrepka/makers.ts'
import { invariants, type Violation } from './skrepka/oracle.ts'
import { createPlan, type Plan } from './skrepka/plan.ts'
import { shrinkPlan } from './skrepka/shrink.ts'
import { type Outcome, runPlan } from './skrepka/world.ts'

const print = (text: string) => void process.stdout.write(`${text}\n`)

const usage = `usage: npm run sim -- <seed> [options]

  --relays N   relays of a world (3)
  --users N    people (10)
  --hours N    virtual hours (2)
  --runs N     worlds: the seed, and the seed with /2, /3 … (1)
  --workers N  processes that share the worlds (1)
  --trace      tells all that happened
  --shrink     makes what failed as small as it can, and tells all that happened there

examples:
  npm run sim -- 7                         one world
  npm run sim -- nightly --runs 20000      many
  npm run sim -- 7 --relays 7 --users 200 --hours 48`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    relays: { type: 'string', default: '3' },
    users: { type: 'string', default: '10' },
    hours: { type: 'string', default: '2' },
    runs: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    // Of the processes that share: every so-manieth world, from this one on.
    first: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Lines of a trace that are printed. */
const linesMax = 400
const shrinkRunsMax = 400

function numberOf(name: 'relays' | 'users' | 'hours' | 'runs' | 'workers' | 'first' | 'step'): number {
  const number = Number(values[name])
  if (Number.isFinite(number) && number > 0) return number
  print(`--${name} is a number above 0, not ${values[name]}`)
  process.exit(2)
}

const size = { relays: numberOf('relays'), users: numberOf('users'), hours: numberOf('hours') }
const makers = standardMakers()

function tellViolations(violations: readonly Violation[]): void {
  for (const { invariant, what, atMs } of violations.slice(0, 20))
    print(`  ${invariant} at ${(atMs / 1000).toFixed(3)} s: ${what}\n     (${invariants[invariant]})`)
  if (violations.length > 20) print(`  and ${violations.length - 20} more`)
}

function tellPlan(plan: Plan): void {
  print(
    `policy ${plan.policy}, relays ${plan.relays.map(({ kind, skewMs }) => `${kind} ${skewMs} ms`).join(', ')}`,
  )
  for (const event of plan.events) print(`  ${JSON.stringify(event)}`)
}

async function shrink(plan: Plan, outcome: Outcome): Promise<void> {
  const broken = outcome.violations[0]?.invariant
  const fails = async (candidate: Plan) =>
    (await runPlan(candidate, { makers })).violations.some(one => one.invariant === broken)
  print(`making it smaller: ${plan.events.length} events …`)
  const small = await shrinkPlan(plan, fails, {
    runsMax: shrinkRunsMax,
    told: (left, runs) => print(`  ${left} events after ${runs} runs`),
  })
  const last = await runPlan(small, { makers, keepLines: true })
  tellPlan(small)
  for (const line of last.lines.slice(-linesMax)) print(line)
  tellViolations(last.violations)
}

const seed = positionals[0]
if (seed === undefined || values.help) {
  print(usage)
  process.exit(values.help ? 0 : 2)
}

const runs = numberOf('runs')
const begun = performance.now()

/** Runs one world; gives whether all held. */
async function runWorld(name: string, isTold: boolean): Promise<boolean> {
  const plan = createPlan(name, size)
  const outcome = await runPlan(plan, { makers, keepLines: values.trace })
  const { violations, hash, events, messages, delivered } = outcome
  if (values.trace) for (const line of outcome.lines) print(line)
  if (violations.length === 0) {
    if (isTold)
      print(`seed ${name}: ${events} events, ${delivered} of ${messages} messages delivered, trace ${hash}`)
    return true
  }
  print(`seed ${name}: ${violations.length} violations`)
  tellViolations(violations)
  const { relays, users, hours } = size
  print(`  again: npm run sim -- ${name} --relays ${relays} --users ${users} --hours ${hours} --shrink`)
  if (values.shrink) await shrink(plan, outcome)
  return false
}

/** Gives how many worlds failed. */
async function runOwn(): Promise<number> {
  let failed = 0
  for (let run = numberOf('first'); run <= runs; run += numberOf('step')) {
    const name = run === 1 ? (seed ?? '') : `${seed}/${run}`
    if (!(await runWorld(name, runs === 1 || run % 100 === 0))) failed += 1
  }
  return failed
}

/** The same in several processes, with what was asked for. */
async function runShared(workers: number): Promise<number> {
  const program = process.argv[1] ?? ''
  const children = Array.from({ length: workers }, (_, at) => {
    const share = ['--workers', '1', '--first', String(at + 1), '--step', String(workers)]
    const args = [...process.execArgv, program, ...process.argv.slice(2), ...share]
    return spawn(process.execPath, args, { stdio: 'inherit' })
  })
  const ends = await Promise.all(children.map(child => once(child, 'close')))
  return ends.filter(([code]) => code !== 0).length
}

const workers = numberOf('workers')
const failed = workers > 1 ? await runShared(workers) : await runOwn()
const isWhole = values.step === '1'
const seconds = (performance.now() - begun) / 1000
const times = Math.round((runs * size.hours * 3600) / seconds)
const what = workers > 1 ? 'processes' : 'worlds'
if (isWhole)
  print(`${runs} worlds, ${failed} ${what} failed, ${seconds.toFixed(1)} s, ${times} times real time`)
process.exitCode = failed > 0 ? 1 : 0
