/**
 * The PDS: accounts, identities, repositories, blobs, sessions and sign-in, the firehose and relays, in ATProto's wire
 * format. Owns the tables `pds_*`, the routes `/xrpc/*`, `/pds/auth/*`, `/sign-in` and the well-known documents of
 * identities. Does not own: how pages look (handed in), storage, time, the network (handed in).
 */
import type { ServiceEntry } from '../kernel/identity/own-did.ts'
import type { System } from '../kernel/lifecycle.ts'
import { createAccountRoom } from './account-room.ts'
import { migrations } from './database/schema.ts'
import type { PdsDependencies, Place } from './dependencies.ts'
import { createForOthers } from './for-others.ts'
import { createIdentityRoom } from './identity-room.ts'
import { createMethods } from './methods.ts'
import { createPageCharge } from './middleware/page-charge.ts'
import { createRateLimits } from './middleware/ratelimit.ts'
import { createProviders } from './providers.ts'
import { createRepoRoom } from './repo-room.ts'
import { createSessionRoom } from './session-room.ts'
import { createSignInRoom } from './sign-in-room.ts'
import { createStatus } from './status.ts'
import { createSyncRoom } from './sync-room.ts'
import { createLexiconFiles } from './validation/lexicon-files.ts'
import { createLexicons } from './validation/lexicons.ts'
import { createXrpc } from './xrpc/server.ts'

/** The PDS as a system, and what pages and the command line ask of it. */
export type Pds = Awaited<ReturnType<typeof createPds>>

/** Brings the tables up to date and builds the PDS. Nothing runs in the background before `system.start`. */
export async function createPds(deps: PdsDependencies) {
  const { settings, database, clock, log, metrics } = deps
  await database.migrate('pds', migrations)
  const place = placeOf(deps)
  const lexicons = createLexicons(createLexiconFiles())
  const sync = createSyncRoom(deps, place)
  const identity = createIdentityRoom(deps, place, sync.sequencer)
  const repo = createRepoRoom(deps, { keys: identity.keys, sequencer: sync.sequencer, lexicons })
  const rates = {
    preset: settings.rateLimits,
    overrides: {
      standard: settings.rateStandard,
      write: settings.rateWrite,
      auth: settings.rateAuth,
      upload: settings.rateUpload,
      read: settings.rateRead,
    },
    limiter: deps.limiter,
  }
  const charge = createPageCharge(rates)
  const sessions = createSessionRoom(deps, place)
  const providers = createProviders(deps)
  const accounts = createAccountRoom(deps, { place, identity, sync, repo, sessions, providers })
  const signIn = createSignInRoom(deps, { identity, sessions, accounts, providers, charge })
  const methods = createMethods(deps, { place, identity, repo, sessions, accounts })
  const xrpc = createXrpc({
    methods,
    authenticate: sessions.authenticate,
    limits: createRateLimits({ ...rates, clock, log }),
    lexicons,
    clock,
    metrics,
    version: deps.version,
    check: () => database.check(),
    jsonBytesMax: settings.jsonBodyBytesMax,
  })
  const parts = [sync, identity, repo, accounts]
  const system: System = {
    name: 'pds',
    routes: [xrpc, ...identity.routes, ...signIn.routes],
    upgrades: [sync.firehose.route],
    start: async () => {
      for (const part of parts) await part.start()
    },
    stop: async deadlineMs => {
      await Promise.all(parts.map(part => part.stop(deadlineMs)))
    },
    status: createStatus({ database, firehose: sync.firehose }),
  }
  const service: ServiceEntry = {
    id: '#atproto_pds',
    type: 'AtprotoPersonalDataServer',
    serviceEndpoint: deps.publicUrl,
  }
  const forOthers = createForOthers({
    ...deps,
    authenticate: sessions.authenticate,
    readPageSession: cookie => signIn.pageSessions.read(cookie),
    signerFor: identity.keys.signerFor,
    onRemoved: accounts.onRemoved,
  })
  return { system, service, forOthers, place, accounts, signIn, identity, repo, sync, charge }
}

function placeOf({ settings, name, publicUrl, production }: PdsDependencies): Place {
  const domains = settings.handleDomains.length > 0 ? settings.handleDomains : [new URL(publicUrl).hostname]
  return {
    serviceDid: name.did,
    hostname: name.hostname,
    domains: production ? domains.filter(domain => domain !== 'test') : domains,
  }
}
