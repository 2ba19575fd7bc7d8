/** All rules of the contract, and how they are run on a host without a test runner. */
import { leafMaker } from '../../../sim/skrepka/makers.ts'
import { differences } from './differences.ts'
import { authRules } from './rules-auth.ts'
import { httpRules } from './rules-http.ts'
import { mailRules } from './rules-mail.ts'
import { meshRules } from './rules-mesh.ts'
import type { Host, Rule } from './subject.ts'
import { createVirtualHost } from './virtual-host.ts'

export const chapters: readonly (readonly [name: string, rules: readonly Rule[]])[] = [
  ['requests', httpRules],
  ['challenge, verify, session', authRules],
  ['send, poll, ack', mailRules],
  ['gossip, forward, retry, prune', meshRules],
]

/** Ours, in process and on virtual time. */
export const ours: Host = createVirtualHost('ours in process', 'leaf', settings => leafMaker({ settings }))

/** A rule as it is to be seen on a host; undefined: it cannot be seen there. */
export function ruleOn(host: Host, { title, virtual, constants = {}, run }: Rule): Rule | undefined {
  if ((virtual === true || Object.keys(constants).length > 0) && !host.virtual) return undefined
  const difference = host.kind === 'leaf' ? differences[title] : undefined
  if (difference === undefined) return { title, constants, run }
  if (difference.run === undefined) return undefined
  return { title: `${title}: not here, as ${difference.why}`, constants, run: difference.run }
}

/** Titles of the rules that do not hold for ours. */
export async function rulesBroken(): Promise<readonly string[]> {
  const broken: string[] = []
  for (const rule of chapters.flatMap(([, rules]) => rules)) {
    const seen = ruleOn(ours, rule)
    if (seen === undefined) continue
    try {
      await seen.run(await ours.open(seen.constants ?? {}))
    } catch {
      broken.push(seen.title)
    }
  }
  return broken
}
