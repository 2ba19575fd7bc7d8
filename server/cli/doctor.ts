import type { Command } from 'commander'
import { ConfigError, type Environment } from '../kernel/config.ts'
import { readEnvironment } from '../kernel/env-file.ts'
import { createOperatorFetch } from '../kernel/fetch.ts'
import { exitCodes } from '../kernel/run.ts'
import type { Terminal } from '../kernel/terminal.ts'
import type { CommandConfiguration, CommandContext } from './command.ts'
import { examineDisk } from './doctor/disk.ts'
import { type Finding, findingsOf } from './doctor/finding.ts'
import {
  examineClock,
  examineDns,
  examinePort,
  examinePublicUrl,
  examineTls,
  type NetworkOptions,
} from './doctor/network.ts'
import { type Callback, callbacksOf, examineSignIn } from './doctor/sign-in.ts'
import { examineStores } from './doctor/stores.ts'

interface DoctorFlags {
  readonly config?: string
  readonly json?: true
}

/** `leaf doctor`: says in sentences what is wrong, and what to register where. */
export function addDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description(
      'Look at configuration, disk, clock, ports, names, certificates and stores, and say what is wrong.',
    )
    .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
    .option('--json', 'say everything as JSON')
    .addHelpText(
      'after',
      '\nEnds with 0 when nothing is wrong, with 1 when something is; a warning is not wrong.\n\nExample:\n  leaf doctor --config /etc/leaf.env',
    )
    .action(async (flags: DoctorFlags) => {
      const env = await readEnvironment(context.env, flags.config)
      const { findings, callbacks } = await examine(env, context)
      const ok = !findings.some(finding => finding.level === 'bad')
      if (flags.json === true)
        context.terminal.line(JSON.stringify({ ok, findings, callbacks }, undefined, 2))
      else tell(findings, callbacks, context.terminal)
      context.exit(ok ? exitCodes.ok : exitCodes.failed)
    })
}

interface Examined {
  readonly findings: readonly Finding[]
  readonly callbacks: readonly Callback[]
}

async function examine(env: Environment, context: CommandContext): Promise<Examined> {
  const { good, warning, bad } = findingsOf('configuration')
  let configuration: CommandConfiguration
  try {
    configuration = context.readConfiguration(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { findings: error.faults.map(({ name, sentence }) => bad(`${name} ${sentence}`)), callbacks: [] }
  }
  const { mode, values, notes } = configuration
  const { house, pds } = values
  const production = mode === 'production'
  const publicUrl = house.publicUrl ?? `http://localhost:${house.port}`
  const { clock, random } = context
  const callbacks = callbacksOf(pds, publicUrl)
  const fetch = createOperatorFetch()
  const findings = [
    good(`Leaf runs in ${mode} mode, as ${publicUrl}.`),
    ...notes.map(({ name, sentence }) => warning(`${name} ${sentence}`)),
    ...(await examineDisk({ dataDir: house.dataDir, production, random })),
    ...(await examineStores({ house, clock, random })),
    ...(await examinePort(house.port, fetch)),
  ]
  // Development needs nothing from outside.
  if (!production) return { findings, callbacks }
  const network: NetworkOptions = {
    publicUrl,
    port: house.port,
    handleDomains: pds.handleDomains.length > 0 ? pds.handleDomains : [new URL(publicUrl).hostname],
    plcDirectoryUrl: house.plcDirectoryUrl ?? '',
    clock,
    fetch,
  }
  const sampleLabel = `leaf-doctor-${Buffer.from(random.bytes(4)).toString('hex')}`
  const outside = await Promise.all([
    examineClock(network),
    examineDns(network, sampleLabel),
    examineTls(network, sampleLabel),
    examinePublicUrl(network),
  ])
  return { findings: [...findings, ...outside.flat(), ...examineSignIn(pds, callbacks)], callbacks }
}

const marks = { good: ['✓', 32], warning: ['!', 33], bad: ['✗', 31] } as const

function tell(findings: readonly Finding[], callbacks: readonly Callback[], terminal: Terminal): void {
  const width = Math.max(...findings.map(finding => finding.subject.length))
  for (const { subject, level, sentence } of findings) {
    const [mark, colour] = marks[level]
    const shown = terminal.colour ? `\u001b[${colour}m${mark}\u001b[0m` : mark
    terminal.line(`${shown} ${subject.padEnd(width)}  ${sentence}`)
  }
  if (callbacks.length > 0) {
    terminal.line('\nCallback addresses to register at sign-in providers:')
    for (const { provider, url, configured } of callbacks) {
      terminal.line(`  ${provider}: ${url}${configured ? '' : '  (not configured)'}`)
    }
  }
  const bad = findings.filter(finding => finding.level === 'bad').length
  const warnings = findings.filter(finding => finding.level === 'warning').length
  const number = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
  terminal.line(
    `\n${bad === 0 ? 'Nothing is wrong' : `${number(bad, 'fault')} to mend`}${warnings === 0 ? '' : `, ${number(warnings, 'warning')}`}.`,
  )
}
