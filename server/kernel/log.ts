import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'

/** Structured logs: one JSON object a line in production, a readable line in development. Never a secret, token or key. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  /** `error` fields are written with their stack and causes. */
  error(fields: LogFields, message: string): void
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger
}

export type LogFields = Readonly<Record<string, unknown>>

/** A logger that says nothing, for tests. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LoggerOptions {
  readonly level: LogLevel
  /** `json`: one object a line. `lines`: for people who read along. */
  readonly format: 'json' | 'lines'
  /** Takes one line after the other, without line ends. */
  readonly write: (line: string) => void
}

/** Names of fields that are never written, wherever somebody puts them by mistake. */
const secretFields: ReadonlySet<string> = new Set([
  'password',
  'secret',
  'token',
  'accessJwt',
  'refreshJwt',
  'authorization',
  'cookie',
  'set-cookie',
  'privateKey',
  'clientSecret',
])

/** How deep fields are looked through for secrets. */
const secretDepthMax = 3

/** The fields, with `…` for secrets. By hand, because pino's own redaction costs ten times the line. */
function withoutSecrets(fields: LogFields, depth = 1): LogFields {
  let clean: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    const shown = secretFields.has(name)
      ? '…'
      : depth < secretDepthMax && isPlain(value)
        ? withoutSecrets(value, depth + 1)
        : value
    if (shown === value) continue
    clean ??= { ...fields }
    clean[name] = shown
  }
  return clean ?? fields
}

function isPlain(value: unknown): value is LogFields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A logger on pino. */
export function createLogger({ level, format, write }: LoggerOptions): Logger {
  const destination: DestinationStream = {
    write: line => write(format === 'json' ? line.trimEnd() : readableLine(line)),
  }
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
  }
  return wrap(pino(options, destination))
}

function wrap(inner: PinoLogger): Logger {
  return {
    debug: (fields, message) => inner.debug(withoutSecrets(fields), message),
    info: (fields, message) => inner.info(withoutSecrets(fields), message),
    warn: (fields, message) => inner.warn(withoutSecrets(fields), message),
    error: (fields, message) => inner.error(withoutSecrets(fields), message),
    child: fields => wrap(inner.child(withoutSecrets(fields))),
  }
}

/** `12:04:31 warn  the message  key=value`, with the stacks of errors below. */
export function readableLine(json: string): string {
  const { level, time, msg, ...fields } = decodeLine(json)
  const stacks: string[] = []
  const rest: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    const stack = stackOf(value)
    if (stack === undefined) rest.push(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    else stacks.push(stack.replace(/^/gm, '    '))
  }
  const head = `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}`
  return [[head, ...rest].join('  '), ...stacks].join('\n')
}

function decodeLine(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json)
  return typeof value === 'object' && value !== null ? { ...value } : { msg: value }
}

function stackOf(value: unknown): string | undefined {
  const has =
    typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string'
  return has ? (value.stack as string) : undefined // checked on the line above
}
