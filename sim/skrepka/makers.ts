import { type SeedConstants, seedConstants } from './seed-constants.ts'
import { createSeedRelay } from './seed-relay.ts'
import type { RelayMaker } from './relay-process.ts'

/** Makes relays that behave as the seed's server does, with other constants where `constants` says so. */
export function seedMaker(constants: Partial<SeedConstants> = {}): RelayMaker {
  return async ({ serverHost, clock, random, callPeer, seedState }) =>
    createSeedRelay({
      serverHost,
      clock,
      random,
      callPeer,
      state: seedState,
      constants: { ...seedConstants, ...constants },
    })
}
