import { hash } from 'node:crypto'
import type { Sha256 } from '@leaf/atproto/cid'

/** SHA-256 by the platform. */
export const sha256: Sha256 = bytes => hash('sha256', bytes, 'buffer')
