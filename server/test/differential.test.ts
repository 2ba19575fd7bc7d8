/**
 * The same requests to Leaf and to the reference PDS, one case after another: status, name of the error and shape of
 * the body must be the same. Deliberate differences stand in `differences.ts`,
 * each with its reason.
 * `LEAF_DIFFERENTIAL_SELF=1` compares the reference with itself, which shows whether the tables are quiet.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startReferencePds } from '../../tools/oracles/src/reference-pds.ts'
import type { Case, World } from './differential/case.ts'
import { compare } from './differential/compare.ts'
import { differences } from './differential/differences.ts'
import { inviteTables, limitTables, tables } from './differential/tables.ts'
import { jwtSecret } from './differential/tables-tokens.ts'
import { createWorld, lastCode, type Place } from './differential/world.ts'
import { startLeaf } from './support/leaf.ts'
import { newestMail } from './support/mail.ts'

const againstItself = process.env['LEAF_DIFFERENTIAL_SELF'] === '1'

interface Setting {
  readonly inviteRequired?: boolean
  readonly rateLimits?: boolean
}

interface Started extends Place {
  stop(): Promise<void>
}

async function startReference(setting: Setting): Promise<Started> {
  const pds = await startReferencePds({ ...setting, env: { PDS_JWT_SECRET: jwtSecret } })
  const mailToken = async (address: string) =>
    lastCode(pds.mails.findLast(mail => mail.to.includes(address))?.text ?? 'no mail')
  return { url: pds.url, plcUrl: pds.plcUrl, mailToken, stop: pds.stop }
}

async function startOurs(setting: Setting): Promise<Started> {
  if (againstItself) return startReference(setting)
  const signUp = setting.inviteRequired === true ? 'invite' : 'open'
  const limits = setting.rateLimits === true ? 'reference' : 'off'
  const leaf = await startLeaf({
    env: { PDS_JWT_SECRET: jwtSecret, PDS_SIGN_UP: signUp, PDS_RATE_LIMITS: limits },
  })
  const mailToken = async (address: string) => lastCode(await newestMail(leaf.url, address))
  return { url: leaf.url, plcUrl: leaf.plcUrl, mailToken, stop: leaf.dispose }
}

/** Declares the cases, between two servers that are started before them and stopped after them. */
function compareOn(cases: ReadonlyMap<string, readonly Case[]>, setting: Setting): void {
  let places: readonly Started[] = []
  let worlds: readonly World[] = []

  before(async () => {
    const accounts = setting.inviteRequired !== true
    places = await Promise.all([startReference(setting), startOurs(setting)])
    worlds = await Promise.all(places.map(place => createWorld(place, { accounts })))
  })
  after(() => Promise.all(places.map(place => place.stop())))

  for (const [subject, rows] of cases) {
    describe(subject, () => {
      for (const row of rows) {
        it(row.name, async () => {
          const [reference, leaf] = worlds
          if (reference === undefined || leaf === undefined) throw new Error('two servers are compared')
          const difference = againstItself ? undefined : differences[row.name]
          await compare(row, { reference, leaf, difference })
        })
      }
    })
  }
}

it('every deliberate difference belongs to a case', () => {
  const rows = [...tables.values(), ...inviteTables.values(), ...limitTables.values()]
    .flat()
    .map(row => row.name)
  assert.equal(new Set(rows).size, rows.length, 'two cases have one name')
  assert.deepEqual(
    Object.keys(differences).filter(name => !rows.includes(name)),
    [],
  )
})

describe('leaf and the reference PDS answer alike', () => compareOn(tables, {}))
describe('with invites, leaf and the reference PDS answer alike', () =>
  compareOn(inviteTables, { inviteRequired: true }))
describe('with rate limits, leaf and the reference PDS answer alike', () =>
  compareOn(limitTables, { rateLimits: true }))
