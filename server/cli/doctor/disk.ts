import { folderState, fsyncMs } from '../../kernel/machine.ts'
import type { Random } from '../../kernel/random.ts'
import { type Finding, findingsOf, reasonOf } from './finding.ts'

const { good, warning, bad } = findingsOf('disk')

const mebibyte = 1024 * 1024
const freeBytesLow = 1024 * mebibyte
const freeBytesLeast = 100 * mebibyte
/** A write waits for one fsync, and all that wait at the same time share it. */
const fsyncMsSlow = 20

/** The data folder: whether it is there, may be written, has room, and how fast the disk is. */
export async function examineDisk(options: {
  readonly dataDir: string
  readonly production: boolean
  readonly random: Random
}): Promise<Finding[]> {
  const { dataDir, production, random } = options
  try {
    const state = await folderState(dataDir)
    if (state === undefined) return [good(`${dataDir} is not there yet; the first start makes it.`)]
    if (!state.writable)
      return [bad(`${dataDir} may not be written by this user: give it to the user that runs Leaf.`)]
    const findings: Finding[] = []
    if (production && state.openToOthers) {
      findings.push(warning(`Other users of this machine can look into ${dataDir}: chmod o-rwx ${dataDir}`))
    }
    const free = `${Math.round(state.freeBytes / mebibyte).toLocaleString('en')} MB are free in ${dataDir}`
    if (state.freeBytes < freeBytesLeast)
      findings.push(bad(`Only ${free}: Leaf refuses writes when the disk is full.`))
    else if (state.freeBytes < freeBytesLow) findings.push(warning(`Only ${free}.`))
    else findings.push(good(`${free}.`))
    const ms = await fsyncMs(dataDir, random)
    const speed = `The disk makes a write durable in ${ms.toFixed(1)} ms`
    findings.push(
      ms > fsyncMsSlow
        ? warning(`${speed}, which is slow: every answer to a write waits for that.`)
        : good(`${speed}.`),
    )
    return findings
  } catch (error) {
    return [bad(`${dataDir} cannot be used: ${reasonOf(error)}.`)]
  }
}
