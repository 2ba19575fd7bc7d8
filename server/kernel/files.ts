/** Files, for those who keep some: small, synchronous, for processes of their own; the long ones are promises. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What tells one file from another that later has its name: undefined when there is none. */
export function fileIdentity(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}

export const fileExists = (path: string): boolean => existsSync(path)

/** Makes a folder and those above it, for this user's eyes alone. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** The names in a folder; none when there is no such folder. */
export function namesIn(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : []
}

/** Removes a file; it may be absent. */
export function removeFile(path: string): void {
  rmSync(path, { force: true })
}

/** Gives a file another name, taking the place of what had it. */
export function moveFile(from: string, to: string): void {
  renameSync(from, to)
}

/** What the main process does with the folders of others. */
export interface Folders {
  make(path: string): Promise<void>
  /** With everything in it; it may be absent. */
  remove(path: string): Promise<void>
  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Whole or not at all, and on disk when it resolves. Makes the folder. */
  writeDurably(path: string, bytes: Uint8Array): Promise<void>
}

export const diskFolders: Folders = {
  make: async path => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  remove: path => rm(path, { recursive: true, force: true }),
  read: async path => {
    try {
      return await readFile(path)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  },
  writeDurably: async (path, bytes) => {
    const folder = dirname(path)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const whole = join(folder, `.${Date.now().toString(36)}-${process.pid}.new`)
    const file = await open(whole, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(whole, path)
    const parent = await open(folder, 'r')
    try {
      await parent.sync()
    } finally {
      await parent.close()
    }
  },
}
