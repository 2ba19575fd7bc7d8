/** Builds what makes, changes and resolves identities. */
import { createIdentityCreation } from './identity/creation.ts'
import { createHandles } from './identity/handles.ts'
import { createAccountKeys } from './identity/keys.ts'
import type { PdsDependencies, Place } from './index.ts'

export type IdentityRoom = ReturnType<typeof createIdentityRoom>

/** Keys, handles and operations of the accounts' DIDs. */
export function createIdentityRoom(deps: PdsDependencies, place: Place) {
  const { settings, production, database, random, resolver } = deps
  const keys = createAccountKeys({ sealer: deps.sealer, random })
  const handles = createHandles({
    settings: { domains: place.domains, development: !production, reserved: settings.handlesReserved },
    database,
  })
  const creation = createIdentityCreation({
    keys,
    plc: deps.plc,
    resolver,
    publicUrl: deps.publicUrl,
    operatorKey: settings.recoveryDidKey,
  })
  return {
    keys,
    handles,
    creation,
    routes: [],
    start: async () => undefined,
    stop: async () => undefined,
  }
}
