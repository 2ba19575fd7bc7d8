/** Answers that are remembered: what was found for a while, what was not found for a shorter one. */
export interface CacheOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly foundMs?: number
  readonly absentMs?: number
}

const hour = 3_600_000
const minute = 60_000
const answersMax = 1000

/** `ask` gives undefined for what is not there. Errors are not remembered. Two who ask the same at once ask once. */
export function createCache<T>(
  ask: (name: string) => Promise<T | undefined>,
  { now, foundMs = hour, absentMs = minute }: CacheOptions,
): (name: string) => Promise<T | undefined> {
  const answers = new Map<string, { readonly value: T | undefined; readonly until: number }>()
  const underWay = new Map<string, Promise<T | undefined>>()
  return name => {
    const known = answers.get(name)
    if (known !== undefined && known.until > now()) return Promise.resolve(known.value)
    const waiting = underWay.get(name)
    if (waiting !== undefined) return waiting
    const asking = ask(name)
      .then(value => {
        answers.delete(name)
        const oldest = answers.size >= answersMax ? answers.keys().next().value : undefined
        if (oldest !== undefined) answers.delete(oldest)
        answers.set(name, { value, until: now() + (value === undefined ? absentMs : foundMs) })
        return value
      })
      .finally(() => underWay.delete(name))
    underWay.set(name, asking)
    return asking
  }
}
