import { relative } from 'node:path'
import type { run } from 'node:test'
import { inspect } from 'node:util'

type TestEvents = ReturnType<typeof run>

/** What came of a run. */
export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Each reason with how often it was given. */
  readonly skipReasons: ReadonlyMap<string, number>
  readonly failures: readonly string[]
}

interface Print {
  readonly root: string
  readonly line: (text: string) => void
}

/** A file's output that is kept in case one of its tests fails. */
const outputCharsMax = 20_000

/**
 * Follows a run of `node:test`, printing one line a file, and whatever failed at once. Counts tests, not suites; a suite
 * whose hook fails and a file without tests count as failures too.
 */
export async function followTests(events: TestEvents, { root, line }: Print): Promise<Outcome> {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const skipReasons = new Map<string, number>()
  const failures: string[] = []
  const outputs = new Map<string, string>()
  const fail = (file: string, name: string, error: unknown) => {
    counts.failed += 1
    failures.push(`${file}  ${name}`)
    line(`  ✗ ${file}  ${name}\n${indent(describe(error))}`)
  }
  for await (const event of events) {
    const file = 'file' in event.data && event.data.file !== undefined ? relative(root, event.data.file) : ''
    if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      outputs.set(file, ((outputs.get(file) ?? '') + event.data.message).slice(-outputCharsMax))
    } else if (event.type === 'test:pass') {
      if (event.data.details.type === 'suite') continue
      if (event.data.skip !== undefined && event.data.skip !== false) {
        counts.skipped += 1
        const reason = typeof event.data.skip === 'string' ? event.data.skip : 'without a reason'
        skipReasons.set(reason, (skipReasons.get(reason) ?? 0) + 1)
      } else if (relative(root, event.data.name) === file) fail(file, 'has no tests', undefined)
      else counts.passed += 1
    } else if (event.type === 'test:fail') {
      const { error, type } = event.data.details
      const kind = 'failureType' in error ? error.failureType : undefined
      const ofItsTests = kind === 'subtestsFailed' || (type === 'suite' && kind !== 'hookFailed')
      if (ofItsTests) continue
      const whole = relative(root, event.data.name) === file
      fail(
        file,
        whole ? 'did not run to its end' : event.data.name,
        whole ? outputs.get(file) : (error.cause ?? error),
      )
    } else if (event.type === 'test:summary' && event.data.file !== undefined) {
      const { passed, failed, cancelled, skipped } = event.data.counts
      const bad = failed + cancelled
      const parts = [
        `${passed} passed`,
        ...(bad > 0 ? [`${bad} failed`] : []),
        ...(skipped > 0 ? [`${skipped} skipped`] : []),
      ]
      line(
        `${event.data.success ? '✓' : '✗'} ${file}  ${parts.join(', ')}  ${(event.data.duration_ms / 1000).toFixed(1)} s`,
      )
      const output = indent(outputs.get(file) ?? '')
      if (!event.data.success && output !== '') line(output)
      outputs.delete(file)
    }
  }
  return { ...counts, skipReasons, failures }
}

function describe(error: unknown): string {
  if (error === undefined) return ''
  return typeof error === 'string' ? error : inspect(error, { depth: 4 })
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ').trimEnd()
}

/** Several runs as one. */
export function joinOutcomes(outcomes: readonly Outcome[]): Outcome {
  const skipReasons = new Map<string, number>()
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + of(one), 0)
  for (const one of outcomes) {
    for (const [reason, count] of one.skipReasons)
      skipReasons.set(reason, (skipReasons.get(reason) ?? 0) + count)
  }
  return {
    passed: sum(one => one.passed),
    failed: sum(one => one.failed),
    skipped: sum(one => one.skipped),
    skipReasons,
    failures: outcomes.flatMap(one => one.failures),
  }
}
