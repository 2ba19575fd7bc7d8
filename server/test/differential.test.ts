/**
 * The same requests to Leaf and to the reference PDS, one case after another: status, name of the error and shape of
 * the body must be the same. Deliberate differences stand in the tables, each with its reason.
 * `LEAF_DIFFERENTIAL_SELF=1` compares the reference with itself, which shows whether the tables are quiet.
 */
import { after, before, describe, it } from 'node:test'
import { startReferencePds } from '../../tools/oracles/src/reference-pds.ts'
import type { World } from './differential/case.ts'
import { compare } from './differential/compare.ts'
import { tables } from './differential/tables.ts'
import { createWorld, lastCode } from './differential/world.ts'
import { startLeaf } from './support/leaf.ts'
import { newestMail } from './support/mail.ts'

const againstItself = process.env['LEAF_DIFFERENTIAL_SELF'] === '1'

interface Started {
  readonly world: World
  stop(): Promise<void>
}

async function startReference(): Promise<Started> {
  const pds = await startReferencePds()
  const mailToken = async (address: string) =>
    lastCode(pds.mails.findLast(mail => mail.to.includes(address))?.text ?? 'no mail')
  return { world: await createWorld({ ...pds, mailToken }), stop: pds.stop }
}

async function startOurs(): Promise<Started> {
  const leaf = await startLeaf()
  const mailToken = async (address: string) => lastCode(await newestMail(leaf.url, address))
  return { world: await createWorld({ ...leaf, mailToken }), stop: leaf.dispose }
}

describe('leaf and the reference PDS answer alike', () => {
  let reference: Started
  let leaf: Started

  before(async () => {
    ;[reference, leaf] = await Promise.all([startReference(), againstItself ? startReference() : startOurs()])
  })
  after(() => Promise.all([reference?.stop(), leaf?.stop()]))

  for (const [subject, cases] of tables) {
    describe(subject, () => {
      for (const one of cases) {
        it(one.name, () => compare(againstItself ? withoutDifference(one) : one, reference.world, leaf.world))
      }
    })
  }
})

function withoutDifference<Row extends { differs?: unknown }>(row: Row): Omit<Row, 'differs'> {
  const { differs: _, ...rest } = row
  return rest
}
