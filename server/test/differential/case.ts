import type { Account, Answer, Call } from '../support/http.ts'

/** What the cases of one server share: its accounts, and what earlier cases found out. */
export interface World {
  readonly url: string
  readonly plcUrl: string
  /** The server's own DID, as `describeServer` gives it. */
  readonly serverDid: string
  readonly alice: Account
  readonly bob: Account
  /** Deactivated. */
  readonly carol: Account
  /** Values that cases keep for later ones, by name. */
  readonly kept: Map<string, unknown>
  /** A token that came by mail to `address`, the newest. */
  readonly mailToken: (address: string) => Promise<string>
}

/** One row: the same request to both servers, whose answers must have one status, one error name, one shape of body. */
export interface Case {
  /** Unique. */
  readonly name: string
  readonly call: (world: World) => Call | Promise<Call>
  /** Headers whose presence and value must agree too. */
  readonly headers?: readonly string[]
  /** The error's message must be the same, letter by letter, but for the account's own names. */
  readonly message?: true
  /** Runs on each side after the answer: keeps what later cases need. */
  readonly keep?: (world: World, answer: Answer) => void
}

/** The value that an earlier case kept; a missing one is a fault of the table. */
export function kept<Value = string>(world: World, name: string): Value {
  const value = world.kept.get(name)
  if (value === undefined) throw new Error(`no earlier case kept "${name}"`)
  return value as Value
}

/** Reads one member of an answer's JSON body, and of that another, … */
export function member(answer: Answer, ...path: readonly (string | number)[]): unknown {
  let value: unknown = answer.json
  for (const name of path) value = (value as Record<string | number, unknown> | undefined)?.[name]
  return value
}

/** A `keep` that keeps members of the body under their own names behind a prefix. */
export function keepMembers(prefix: string, ...names: readonly string[]) {
  return (world: World, answer: Answer): void => {
    for (const name of names) world.kept.set(`${prefix}.${name}`, member(answer, name))
  }
}
