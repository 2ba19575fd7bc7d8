/** Takes modules: checked as far as one can without events, kept under the hash of their bytes. */
import { createHash } from 'node:crypto'
import { cidText, decodeDrisl, type DrislValue, isMap, linkTo } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { insertModule, moduleWarnings, stagedBytes, stageModule } from '../database/modules.ts'
import type { SqlHosts } from '../host/contract.ts'
import type { MayCreate } from '../identity/may-create.ts'
import type { Streams } from '../stream/contract.ts'
import { signedIn } from '../stream/append.ts'

/** Bytes of modules that one uploads and no stream uses yet. */
const stagedBytesMax = 64 * 1024 * 1024
/** And of all who upload. */
const stagedHouseBytesMax = 1024 * 1024 * 1024

export function createUpload(deps: {
  readonly database: Pick<Database, 'write' | 'direct'>
  readonly hosts: Pick<SqlHosts, 'validate'>
  readonly clock: Clock
  readonly mayCreate: MayCreate
  readonly moduleBytesMax: number
}): Streams['uploadModule'] {
  const { database, hosts, clock, mayCreate, moduleBytesMax } = deps
  return async (caller, module) => {
    const creator = signedIn(caller, 'Only authenticated users can upload module')
    if (module.length > moduleBytesMax) {
      throw new Refusal('too-large', tooLarge(moduleBytesMax))
    }
    checkForm(module)
    await mayCreate.checkMayUpload({ ...caller, did: creator })
    const cid = moduleCidOf(module)
    const kept = await moduleWarnings(database.direct, cid)
    const staged = await stagedBytes(database.direct, creator, cid)
    if (staged.own + module.length > stagedBytesMax || staged.all + module.length > stagedHouseBytesMax) {
      throw new Refusal('limited', 'Too many modules were uploaded lately that no stream uses yet', {
        retryAfterMs: 60_000,
      })
    }
    const warnings = kept ?? (await hosts.validate(module))
    const at = clock.now()
    await database.write(async tx => {
      await insertModule(tx, { cid, drisl: module, warnings, createdAt: at })
      await stageModule(tx, { creator, cid, bytes: module.length, at })
    })
    return { cid, warnings }
  }
}

/** The CID of a module: of its DRISL, with every field that it has. */
export function moduleCidOf(module: Uint8Array): string {
  return cidText(linkTo(module, bytes => createHash('sha256').update(bytes).digest()))
}

const mebibyte = 1024 * 1024

function tooLarge(max: number): string {
  return max % mebibyte === 0
    ? `Module larger than ${max / mebibyte}MB maximum size.`
    : `Module larger than ${max} bytes maximum size.`
}

function checkForm(module: Uint8Array): void {
  let value: DrislValue
  try {
    value = decodeDrisl(module)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new Refusal('invalid', `expected a module in DRISL: ${error.message}`, { cause: error })
  }
  if (!isMap(value) || typeof value['$type'] !== 'string') {
    throw new Refusal('invalid', 'expected a module: a map with a text $type')
  }
}
