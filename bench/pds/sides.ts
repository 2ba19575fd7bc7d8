import { startLeaf } from '../../server/test/support/leaf.ts'
import { type Account, createAccount } from '../../server/test/support/http.ts'
import { startReferencePds } from '../../tools/oracles/src/reference-pds.ts'

/** One of the two servers that are compared. */
export interface Side {
  readonly name: string
  readonly url: string
  readonly pid: number
  /** From the start of the process until it answers. */
  readonly startMs: number
  /** Those that write; none before `createAccounts`. */
  readonly accounts: Account[]
  stop(): Promise<void>
}

/** How many accounts write. */
export const accountsCount = 16

/** Subscribers that Leaf takes from one address; all of them are on this machine. */
const socketsMax = '5000'

export async function startLeafSide(): Promise<Side> {
  const leaf = await startLeaf({
    env: {
      PDS_RATE_LIMITS: 'off',
      PDS_FIREHOSE_SOCKETS_PER_ADDRESS_MAX: socketsMax,
      // A session of the benchmark outlives the usual quarter of an hour on slow machines.
      PDS_ACCESS_TOKEN_MS: '7200000',
    },
  })
  return {
    name: 'Leaf',
    url: leaf.url,
    pid: leaf.pid(),
    startMs: leaf.startMs(),
    accounts: [],
    stop: leaf.dispose,
  }
}

export async function startReferenceSide(): Promise<Side> {
  const pds = await startReferencePds({ production: true })
  return {
    name: '@atproto/pds',
    url: pds.url,
    pid: pds.pid,
    startMs: pds.startMs,
    accounts: [],
    stop: pds.stop,
  }
}

/** Makes the accounts that write. */
export async function createAccounts(side: Side): Promise<void> {
  for (let n = side.accounts.length; n < accountsCount; n += 1) {
    side.accounts.push(await createAccount(side.url, `writer-${n}`))
  }
}
