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
  readonly accounts: readonly Account[]
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
  const started = {
    name: 'Leaf',
    url: leaf.url,
    pid: leaf.pid(),
    startMs: leaf.startMs(),
    stop: leaf.dispose,
  }
  return { ...started, accounts: await createAccounts(leaf.url) }
}

export async function startReferenceSide(): Promise<Side> {
  const pds = await startReferencePds({ production: true })
  const started = { name: '@atproto/pds', url: pds.url, pid: pds.pid, startMs: pds.startMs, stop: pds.stop }
  return { ...started, accounts: await createAccounts(pds.url) }
}

async function createAccounts(url: string): Promise<Account[]> {
  const accounts: Account[] = []
  for (let n = 0; n < accountsCount; n += 1) accounts.push(await createAccount(url, `writer-${n}`))
  return accounts
}
