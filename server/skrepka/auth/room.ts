/** Puts together who may come in. */
import type { Mesh, RelayDependencies } from '../contract.ts'
import { createAddresses } from './addresses.ts'
import { createChallenges } from './challenges.ts'
import { createLogin, type Login } from './login.ts'
import { createSessions, type Sessions } from './sessions.ts'

/** Sessions, and how they begin and end. `mesh` hears of it. */
export function createAuthRoom(
  deps: RelayDependencies,
  mesh: Pick<Mesh, 'present' | 'announce' | 'absent'>,
): { readonly sessions: Sessions; readonly login: Login } {
  const { settings, serverHost, houseKey, previousHouseKey, clock, random, database } = deps
  const addresses = createAddresses({ houseKey, binding: settings.ipBinding })
  const sessions = createSessions({ database, clock, addresses })
  const challenges = createChallenges({
    serverHost,
    houseKey,
    previousHouseKey,
    clock,
    random,
    expiryMs: settings.challengeExpiry,
    pairsMax: settings.maxChallenges,
    perPairMax: settings.maxChallengesPerKey,
  })
  const base = { settings, serverHost, database, clock, random }
  return { sessions, login: createLogin({ ...base, addresses, challenges, sessions, mesh }) }
}
