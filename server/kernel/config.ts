/**
 * Configuration is a table: name, documentation, parser, default. From it come the parser, the types, the generated
 * reference, `example.env` and the settings page. Each system has a table of its own; `compose.ts` joins them.
 */

/** Production when PUBLIC_URL is https or NODE_ENV is `production`; else development. */
export type Mode = 'development' | 'production'

/** One setting. `T` is what the program gets. */
export interface Setting<T> {
  /** The environment variable. */
  readonly name: string
  /** One or two sentences for the person who runs the server. */
  readonly doc: string
  /** Turns the text into a value; throws an Error whose message says what was expected and what came. */
  readonly parse: (text: string) => T
  /** The value when the variable is absent or empty. `required` in a mode means: refuse to start without it. */
  readonly fallback: { readonly development: T | Required; readonly production: T | Required }
  /** The default in words, for the reference; without it the default value itself is shown. */
  readonly defaultText?: string
  /** Never shown, logged or printed. */
  readonly secret?: boolean
  /** A line for `example.env`. */
  readonly example?: string
  /** Other names for the same thing; two different values are an error. */
  readonly aliases?: readonly string[]
}

export const required: unique symbol = Symbol('required')
export type Required = typeof required

export type SettingTable = Readonly<Record<string, Setting<unknown>>>
export type ValuesOf<Table extends SettingTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never
}

interface SettingOptions<T> extends Omit<Setting<T>, 'parse' | 'fallback'> {
  /** The default in both modes, or one for each. */
  readonly fallback: T | Required | { readonly development: T | Required; readonly production: T | Required }
}

/** A setting read by `parse`. */
export function setting<T>(parse: (text: string) => T, options: SettingOptions<T>): Setting<T> {
  const { fallback, ...rest } = options
  const perMode: Setting<T>['fallback'] = isPerMode<T>(fallback)
    ? fallback
    : { development: fallback, production: fallback }
  return { ...rest, parse, fallback: perMode }
}

function isPerMode<T>(value: unknown): value is Setting<T>['fallback'] {
  return typeof value === 'object' && value !== null && 'development' in value && 'production' in value
}

/** Any text. */
export const text = (input: string): string => input

/** An integer between two bounds, both inclusive. */
export const integer =
  (bounds: { min: number; max: number }) =>
  (input: string): number => {
    const value = Number(input)
    if (!/^-?\d+$/.test(input) || value < bounds.min || value > bounds.max) {
      throw new Error(`expected a whole number from ${bounds.min} to ${bounds.max}, got "${input}"`)
    }
    return value
  }

/** A comma-separated list; blanks around items are dropped, and so are empty items. */
export const list = (input: string): readonly string[] =>
  input
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')

/** One of a few words. */
export const oneOf =
  <const Words extends readonly string[]>(words: Words) =>
  (input: string): Words[number] => {
    const found = words.find(word => word === input)
    if (found === undefined) throw new Error(`expected one of ${words.join(', ')}, got "${input}"`)
    return found
  }

/** true, 1, on, yes / false, 0, off, no. */
export const flag = (input: string): boolean => {
  if (/^(true|1|on|yes)$/i.test(input)) return true
  if (/^(false|0|off|no)$/i.test(input)) return false
  throw new Error(`expected true or false, got "${input}"`)
}

/** An http(s) URL; comes back without a trailing slash. */
export const httpUrl = (input: string): string => {
  const url = URL.parse(input)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error(`expected an http or https URL, got "${input}"`)
  }
  return url.href.replace(/\/$/, '')
}

/** A secret of at least 32 characters. */
export const longSecret = (input: string): string => {
  if (input.length < 32) throw new Error(`expected at least 32 characters, got ${input.length}`)
  return input
}

export interface ConfigFault {
  readonly name: string
  readonly sentence: string
}

/** Every fault of a configuration at once; nothing was started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly ConfigFault[]
  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(fault => `${fault.name}: ${fault.sentence}`).join('\n'))
    this.faults = faults
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The mode that an environment asks for. */
export function modeOf(env: Environment): Mode {
  const address = env['PUBLIC_URL'] ?? env['ENDPOINT'] ?? ''
  return env['NODE_ENV'] === 'production' || /^https:/i.test(address) ? 'production' : 'development'
}

/** Reads one table; faults are pushed onto `faults`, and the values are then not to be used. */
export function readSettings<Table extends SettingTable>(
  table: Table,
  env: Environment,
  mode: Mode,
  faults: ConfigFault[],
): ValuesOf<Table> {
  const values: Record<string, unknown> = {}
  for (const [key, one] of Object.entries(table)) values[key] = readSetting(one, env, mode, faults)
  return values as ValuesOf<Table> // each key was read by its own parser just above
}

function readSetting(one: Setting<unknown>, env: Environment, mode: Mode, faults: ConfigFault[]): unknown {
  const given = [one.name, ...(one.aliases ?? [])].filter(name => (env[name] ?? '') !== '')
  const [first, ...others] = given
  if (first === undefined) {
    const value = one.fallback[mode]
    if (value === required) faults.push({ name: one.name, sentence: `is missing. ${one.doc}` })
    return value
  }
  const differing = others.find(name => env[name] !== env[first])
  if (differing !== undefined) {
    faults.push({
      name: first,
      sentence: `${first} and ${differing} are two names for one setting, but differ`,
    })
  }
  try {
    return one.parse(env[first] ?? '')
  } catch (cause) {
    const sentence = cause instanceof Error ? cause.message : 'cannot be read'
    faults.push({
      name: first,
      sentence: one.secret === true ? sentence.replaceAll(env[first] ?? '', '…') : sentence,
    })
    return undefined
  }
}

/** Tables by the name of the system that they belong to. */
export type SettingTables = Readonly<Record<string, SettingTable>>

/** Every setting of all tables. A name that two settings claim is a mistake in the program. */
export function joinTables(tables: SettingTables): ReadonlyMap<string, Setting<unknown>> {
  const all = new Map<string, Setting<unknown>>()
  for (const [system, table] of Object.entries(tables)) {
    for (const one of Object.values(table)) {
      for (const name of [one.name, ...(one.aliases ?? [])]) {
        if (all.has(name))
          throw new Error(`${system} claims the setting ${name}, which another one has already`)
        all.set(name, one)
      }
    }
  }
  return all
}

/** The prefixes that are ours alone: whatever begins with one of them must be a setting. */
const ownPrefixes = ['LEAF_', 'STREAMS_', 'ENTITIES_', 'SKREPKA_']

export interface ConfigOptions<Tables extends SettingTables> {
  readonly tables: Tables
  readonly env: Environment
  /** Names that similar programs read and Leaf does not, each with a sentence that says what to do instead. */
  readonly foreignNames?: Readonly<Record<string, string>>
  /** What no single setting can see; pushes faults. Called only when every setting could be read. */
  readonly check?: (values: ConfigValues<Tables>, mode: Mode, faults: ConfigFault[]) => void
}

export type ConfigValues<Tables extends SettingTables> = {
  readonly [System in keyof Tables]: ValuesOf<Tables[System]>
}

export interface Config<Tables extends SettingTables> {
  readonly mode: Mode
  readonly values: ConfigValues<Tables>
  /** What the operator should know, although nothing is wrong: names that are not read. */
  readonly notes: readonly ConfigFault[]
}

/** Reads every table. Throws ConfigError with all faults at once, unknown names of ours included. */
export function readConfig<Tables extends SettingTables>(options: ConfigOptions<Tables>): Config<Tables> {
  const { tables, env, foreignNames = {}, check } = options
  const mode = modeOf(env)
  const known = [...joinTables(tables).keys()]
  const faults: ConfigFault[] = []
  const notes: ConfigFault[] = []
  const values = Object.fromEntries(
    Object.entries(tables).map(([system, table]) => [system, readSettings(table, env, mode, faults)]),
  ) as ConfigValues<Tables> // each table was read by its own parsers just above
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || known.includes(name)) continue
    const foreign = Object.hasOwn(foreignNames, name) ? foreignNames[name] : undefined
    if (foreign !== undefined) notes.push({ name, sentence: foreign })
    else if (ownPrefixes.some(prefix => name.startsWith(prefix)))
      faults.push({ name, sentence: unknownSentence(name, known) })
    else if (name.startsWith('PDS_')) notes.push({ name, sentence: unknownSentence(name, known) })
  }
  if (faults.length === 0) check?.(values, mode, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  return { mode, values, notes }
}

function unknownSentence(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? 'is no setting of Leaf.' : `is no setting of Leaf. Is ${nearest} meant?`
}

/** The candidate with the fewest letters changed, if it is near enough to be what was meant. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate)
    if (distance < least) {
      least = distance
      nearest = candidate
    }
  }
  return nearest
}

/** Letters to insert, drop or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replace = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
