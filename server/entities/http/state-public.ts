/** `POST /entities/public`: an owner's word on what everybody may read. */
import { decodeCapability } from '@leaf/entities/meadowcap/capability'
import { MalformedError } from '@leaf/codec/errors'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { readBody } from '../../kernel/http/body.ts'
import type { PublicAreas, PublicWish } from '../store/public-areas.ts'
import { type Exchange, sendJson } from './exchange.ts'

/** A capability may have a path of 4096 bytes. */
const bodyBytesMax = 32 * 1024
const bodyMs = 10_000
const capabilityBytesMax = 16_384

export function createStatePublic(options: { readonly publicAreas: PublicAreas; readonly clock: Clock }) {
  return async (exchange: Exchange): Promise<void> => {
    const body = await readBody(exchange.request, {
      bytesMax: bodyBytesMax,
      timeoutMs: bodyMs,
      clock: options.clock,
    })
    const wish = readWish(body)
    await options.publicAreas.state(wish)
    sendJson(exchange, { public: wish.isPublic })
  }
}

/** `{capability, signature}` in base64, `public`, `at` in milliseconds. Throws Refusal. */
function readWish(body: Buffer): PublicWish {
  const fields = parse(body)
  const { capability, signature, at } = fields
  const isPublic = fields['public']
  if (
    typeof capability !== 'string' ||
    typeof signature !== 'string' ||
    typeof isPublic !== 'boolean' ||
    typeof at !== 'number' ||
    !Number.isSafeInteger(at) ||
    at < 0
  )
    throw new Refusal(
      'invalid',
      'expected capability and signature in base64, public as true or false, at in milliseconds',
    )
  const encoded = new Uint8Array(Buffer.from(capability, 'base64'))
  if (encoded.length > capabilityBytesMax)
    throw new Refusal('too-large', `expected a capability of at most ${capabilityBytesMax} bytes`)
  try {
    return {
      capability: decodeCapability(encoded),
      isPublic,
      statedAt: at,
      signature: new Uint8Array(Buffer.from(signature, 'base64')),
    }
  } catch (error) {
    if (error instanceof MalformedError) throw new Refusal('invalid', error.message, { cause: error })
    throw error
  }
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString())
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Told below.
  }
  throw new Refusal('invalid', 'expected a JSON object')
}
