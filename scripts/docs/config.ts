import { type Mode, required, type Setting, type SettingTables } from '../../server/kernel/config.ts'

const rooms: Readonly<Record<string, string>> = {
  house: 'The house',
  pds: 'pds: the Personal Data Server',
  streams: 'streams',
  entities: 'entities',
  skrepka: 'skrepka',
}

/** The reference of all settings, as Markdown. */
export function configPage(tables: SettingTables): string {
  const parts = [
    '# Settings\n',
    'Leaf is configured by environment variables. `leaf start` also reads `leaf.env` in the working directory, or the file named by `--config`, one `NAME=value` a line; a variable of the real environment wins. `leaf init` writes such a file with fresh secrets, `leaf doctor` says what is wrong with one.\n',
    'Leaf runs in **production** mode when `PUBLIC_URL` is an https address or `NODE_ENV` is `production`, else in **development** mode, which needs no setting at all. Unknown names that begin with `LEAF_`, `STREAMS_`, `ENTITIES_` or `SKREPKA_` are refused.\n',
  ]
  for (const [system, table] of Object.entries(tables)) {
    parts.push(`## ${rooms[system] ?? system}\n`)
    for (const setting of Object.values(table)) parts.push(settingPart(setting))
  }
  return `${parts.join('\n')}`
}

function settingPart(setting: Setting<unknown>): string {
  const lines = [`### \`${setting.name}\`\n`, `${setting.doc}\n`, `- Default: ${defaultText(setting)}`]
  if (setting.aliases !== undefined)
    lines.push(`- Also: ${setting.aliases.map(name => `\`${name}\``).join(', ')}`)
  if (setting.example !== undefined) lines.push(`- Example: \`${setting.example}\``)
  if (setting.secret === true) lines.push('- Secret: never shown or logged')
  return `${lines.join('\n')}\n`
}

function defaultText(setting: Setting<unknown>): string {
  if (setting.defaultText !== undefined) return setting.defaultText
  const { development, production } = setting.fallback
  const same = JSON.stringify(development) === JSON.stringify(production) && production !== required
  if (same) return shown(development)
  return `${shown(development)} in development; ${shown(production)} in production`
}

function shown(value: unknown): string {
  if (value === required) return 'required'
  if (value === undefined) return 'not set'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `\`${value.join(',')}\``
  return `\`${String(value)}\``
}

/** Every setting as a commented line, to be copied and filled in. */
export function exampleEnv(tables: SettingTables): string {
  const lines = [
    '# Settings of Leaf. Copy this to leaf.env and take away the # of what you set, or let `leaf init` write one with',
    '# fresh secrets. Without any setting Leaf starts in development mode. All of it is explained in',
    '# docs/generated/config.md.',
  ]
  for (const [system, table] of Object.entries(tables)) {
    lines.push('', `## ${rooms[system] ?? system}`)
    for (const setting of Object.values(table)) {
      lines.push(
        '',
        ...wrapped(setting.doc).map(line => `# ${line}`),
        `#${setting.name}=${exampleValue(setting)}`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

function exampleValue(setting: Setting<unknown>): string {
  if (setting.example !== undefined) return setting.example
  const value = setting.fallback[productionFirst(setting)]
  if (setting.secret === true || value === required || value === undefined) return ''
  return Array.isArray(value) ? value.join(',') : String(value)
}

function productionFirst(setting: Setting<unknown>): Mode {
  return setting.fallback.production === required ? 'development' : 'production'
}

const columns = 116

function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
