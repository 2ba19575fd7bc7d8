/** The name of a data folder among those that share one PostgreSQL. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Corruption } from '../errors.ts'
import type { Random } from '../random.ts'

const fileName = 'node-id'
const form = /^[0-9a-f]{32}$/

/**
 * The id that a data folder keeps from its first start on: 32 hex digits. It belongs to the files in it, so a copy of
 * the folder must not be used beside the original.
 */
export function nodeIdOf(folder: string, random: Random): string {
  const path = join(folder, fileName)
  const known = read(path)
  if (known !== undefined) return known
  mkdirSync(folder, { recursive: true })
  const fresh = Buffer.from(random.bytes(16)).toString('hex')
  const draft = `${path}.${fresh}`
  writeFileSync(draft, `${fresh}\n`, { flush: true })
  try {
    // Whole or not at all, and only one of two that begin at the same time.
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const kept = read(path)
  if (kept === undefined) throw new Corruption(`${path} went away while it was made`)
  return kept
}

function read(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  if (!form.test(text)) throw new Corruption(`${path} must hold 32 hex digits`)
  return text
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
