/** `npm run sim:mutants [-- words]`: whether what tests the relay notices each of the faults in `skrepka/mutants.ts`. */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type Mutant, mutants } from './skrepka/mutants.ts'

/** What the cores of a small machine take. */
const atOnce = 2
const mutantMsMax = 300_000
const print = (text: string) => void process.stdout.write(`${text}\n`)

interface Fate {
  readonly mutant: Mutant
  readonly died: boolean
  readonly told: string
}

function run(mutant: Mutant): Promise<Fate> {
  const program = fileURLToPath(new URL('skrepka/mutant-run.ts', import.meta.url))
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--conditions=leaf-source', program, mutant.name], {
      timeout: mutantMsMax,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let told = ''
    child.stdout.on('data', (text: Buffer) => {
      told += text.toString()
    })
    child.on('close', code =>
      resolve({ mutant, died: code === 0, told: told.trim().split('\n').at(-1) ?? '' }),
    )
  })
}

const words = process.argv.slice(2)
const chosen = mutants.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)))
const waiting = [...chosen]
const fates: Fate[] = []
const work = async () => {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const fate = await run(mutant)
    fates.push(fate)
    print(`${fate.died ? '✓' : '✗'} ${mutant.name}\n    ${fate.told}`)
  }
}
await Promise.all(Array.from({ length: atOnce }, work))
const living = fates.filter(fate => !fate.died)
print(`${fates.length - living.length} of ${fates.length} noticed`)
process.exitCode = living.length > 0 || fates.length === 0 ? 1 : 0
