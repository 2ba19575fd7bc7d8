/** Builds what makes, changes and resolves identities. */
import { createIdentityCreation } from './identity/creation.ts'
import { createDidChanges } from './identity/did-changes.ts'
import { createHandles } from './identity/handles.ts'
import { createAccountKeys } from './identity/keys.ts'
import { createPlcActs } from './identity/plc-acts.ts'
import { createResolution } from './identity/resolution.ts'
import { createAssertServedHere } from './identity/served-here.ts'
import { createIdentitySweeper } from './identity/sweeper.ts'
import { createUpdateHandle } from './identity/update-handle.ts'
import { createWellKnownRoutes } from './identity/well-known.ts'
import type { PdsDependencies, Place } from './dependencies.ts'
import type { Sequencer } from './sync/events.ts'

export type IdentityRoom = ReturnType<typeof createIdentityRoom>

/** Keys, handles and operations of the accounts' DIDs. */
export function createIdentityRoom(deps: PdsDependencies, place: Place, sequencer: Sequencer) {
  const { settings, production, publicUrl, database, clock, random, resolver, plc, log } = deps
  const operatorKey = settings.recoveryDidKey
  const keys = createAccountKeys({ sealer: deps.sealer, random })
  const handles = createHandles({
    settings: { domains: place.domains, development: !production, reserved: settings.handlesReserved },
    database,
  })
  const changes = createDidChanges({ database, clock, plc, resolver, sequencer, handles })
  const resolution = createResolution({ database, handles, resolver })
  const sweeper = createIdentitySweeper({ database, clock, changes, log })
  return {
    keys,
    handles,
    resolution,
    assertServedHere: createAssertServedHere({ plc, resolver, publicUrl }),
    creation: createIdentityCreation({ keys, plc, resolver, publicUrl, operatorKey }),
    plcActs: createPlcActs({ database, keys, plc, changes, publicUrl, operatorKey }),
    updateHandle: createUpdateHandle({ database, handles, keys, plc, resolver, changes }),
    routes: createWellKnownRoutes({
      handles,
      resolution,
      hostname: place.hostname,
    }),
    start: async () => sweeper.start(),
    stop: async () => sweeper.stop(),
  }
}
