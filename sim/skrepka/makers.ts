import { readSettings } from '../../server/kernel/config.ts'
import type { Logger } from '../../server/kernel/log.ts'
import { silentLogger } from '../../server/kernel/log.ts'
import { noMetrics } from '../../server/kernel/metrics.ts'
import { skrepkaSettings, type SkrepkaSettings } from '../../server/skrepka/config.ts'
import type { Relay, RelayDependencies } from '../../server/skrepka/contract.ts'
import { createRelay } from '../../server/skrepka/relay.ts'
import type { Makers } from './world.ts'
import { hashText } from './random.ts'
import type { RelayMaker } from './relay-process.ts'
import { type SeedConstants, seedConstants } from './seed-constants.ts'
import { createSeedRelay } from './seed-relay.ts'
import { unprovenBytesPerHour } from './watch.ts'

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

/** `createRelay` as the relay exports it, or as a mutant does. */
export type CreateRelay = (deps: RelayDependencies) => Promise<Relay>

const defaultSettings: SkrepkaSettings = readSettings(skrepkaSettings, {}, 'development', [])

export interface LeafOptions {
  readonly settings?: Partial<SkrepkaSettings>
  readonly create?: CreateRelay
}

/** Makes relays of ours: the real ones. What they log as an error is a fault of theirs. */
export function leafMaker({ settings = {}, create = createRelay }: LeafOptions = {}): RelayMaker {
  return ({ seedPeers, serverHost, onFault, ...parts }) =>
    create({
      ...parts,
      serverHost,
      settings: { ...defaultSettings, seedPeers, ...settings },
      houseKey: Buffer.alloc(32, `house key of ${serverHost} ${hashText(serverHost)}`),
      log: faultLogger(onFault),
      metrics: noMetrics,
    })
}

/** Ours as a scenario wants it. */
export const leafFor = ({ policy = 'prefer' }: { readonly policy?: 'prefer' | 'require' }): RelayMaker =>
  leafMaker({ settings: { federationPolicy: policy, unprovenBytesPerHour } })

/** Both kinds, as worlds want them: with a budget for strangers that a world can use up. */
export function standardMakers(create?: CreateRelay): Makers {
  const made = create === undefined ? {} : { create }
  return {
    leaf: federationPolicy => leafMaker({ ...made, settings: { federationPolicy, unprovenBytesPerHour } }),
    seed: () => seedMaker(),
  }
}

function faultLogger(onFault: (error: unknown) => void): Logger {
  const logger: Logger = {
    ...silentLogger,
    error: ({ error }, message) => onFault(new Error(message, { cause: error })),
    child: () => logger,
  }
  return logger
}
