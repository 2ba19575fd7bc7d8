/** Writes what is generated from the settings' tables: `docs/generated/config.md` and `example.env`. */
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { settingTables } from '../server/configuration.ts'
import { configPage, exampleEnv } from './docs/config.ts'

const root = new URL('../', import.meta.url)
const files = {
  'docs/generated/config.md': configPage(settingTables),
  'example.env': exampleEnv(settingTables),
}
for (const [path, text] of Object.entries(files)) {
  await writeFile(new URL(path, root), text)
  process.stdout.write(`wrote ${path}\n`)
}
