/** `GET /.well-known/skrepka-relay`: what this relay is called, what it can do, and how it deals with strangers. */
import { createHmac } from 'node:crypto'
import type { RelayAnswer, ServerName } from '../contract.ts'
import { answerJson } from '../http/answers.ts'
import type { MeshSettings } from './config.ts'
import { batchFeature } from './delivery.ts'
import { digestFeature } from './digest.ts'
import { tokenFeature } from './peer-token.ts'
import type { Peers } from './peers.ts'

export const wellKnownPath = '/.well-known/skrepka-relay'

/** What peers may use of us, in alphabetical order. */
const features = [batchFeature, digestFeature, tokenFeature, 'presence-proof'] as const
/** Peers that are listed at most. */
const listedMax = 200

/** The same for all names and nodes of one house, and no secret. 32 hex digits. */
export function instanceOf(houseKey: Uint8Array): string {
  return createHmac('sha256', houseKey).update('skrepka-instance-v1').digest('hex').slice(0, 32)
}

export interface WellKnownOptions {
  readonly settings: MeshSettings
  readonly serverHost: ServerName
  readonly instance: string
  readonly peers: Peers
}

export function wellKnownAnswer({ settings, serverHost, instance, peers }: WellKnownOptions): RelayAnswer {
  const federation = settings.federationEnabled
  const listed = settings.publishPeers && federation ? { peers: peers.proven().slice(0, listedMax) } : {}
  const told = {
    features: federation ? features : [],
    federation,
    instance,
    name: serverHost,
    ...listed,
    policy: settings.federationPolicy,
  }
  return answerJson(200, JSON.stringify(told))
}
