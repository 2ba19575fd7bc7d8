/** Talks to a PLC directory: the public one, or the embedded one of development. */
import { Refusal } from '../errors.ts'
import type { SafeFetch, SafeResponse } from '../fetch.ts'
import { isObject, isServiceMap, isStringMap, isStrings } from './json.ts'
import { cidOfPlcOperation } from './plc-operation.ts'
import type { Did, PlcClient, PlcData, PlcOperation } from './types.ts'

export interface PlcClientDependencies {
  /** The directory's base URL, without a trailing slash. A function: the embedded directory's port is known late. */
  readonly url: () => string
  /** A fetch for configured endpoints. */
  readonly fetch: SafeFetch
}

const timeoutMs = 10_000
const answerBytesMax = 256 * 1024

/** A client of the directory at `url`. */
export function createPlcClient({ url, fetch }: PlcClientDependencies): PlcClient {
  const call = (did: Did, suffix: string, operation?: PlcOperation) =>
    fetch(`${url()}/${encodeURIComponent(did)}${suffix}`, {
      timeoutMs,
      bytesMax: answerBytesMax,
      ...(operation === undefined
        ? {}
        : {
            method: 'POST',
            body: JSON.stringify(operation),
            headers: { 'content-type': 'application/json' },
          }),
    })
  const read = async (did: Did, suffix: string) => {
    const response = await call(did, suffix)
    // 404: not registered, or tombstoned. 410 is what newer directories say of the latter.
    if (response.status === 404 || response.status === 410) return undefined
    if (response.status !== 200) throw unexpected(response)
    return jsonOf(response)
  }
  return {
    submit: async (did, operation) => {
      const response = await call(did, '', operation)
      if (response.status >= 200 && response.status < 300) return
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        throw new Refusal('invalid', messageOf(response))
      }
      throw unexpected(response)
    },
    data: async did => {
      const value = await read(did, '/data')
      return value === undefined ? undefined : decodeData(did, value)
    },
    last: async did => {
      const value = await read(did, '/log/last')
      if (value === undefined) return undefined
      if (!isOperation(value))
        throw new Refusal('upstream', 'the PLC directory answered without an operation')
      return { cid: cidOfPlcOperation(value), operation: value }
    },
  }
}

function decodeData(did: Did, value: unknown): PlcData {
  const fields = isObject(value) ? value : {}
  const { rotationKeys, verificationMethods, alsoKnownAs, services } = fields
  const fits =
    fields['did'] === did &&
    isStrings(rotationKeys) &&
    isStrings(alsoKnownAs) &&
    isStringMap(verificationMethods) &&
    isServiceMap(services)
  if (!fits) throw new Refusal('upstream', `the PLC directory answered with other data than that of ${did}`)
  return { did, rotationKeys, verificationMethods, alsoKnownAs, services }
}

function isOperation(value: unknown): value is PlcOperation {
  return isObject(value) && typeof value['sig'] === 'string'
}

function jsonOf(response: SafeResponse): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(response.body))
  } catch (cause) {
    throw new Refusal('upstream', 'the PLC directory answered with something that is not JSON', { cause })
  }
}

const messageMax = 500

/** The directory's own words. */
function messageOf(response: SafeResponse): string {
  const text = new TextDecoder().decode(response.body)
  try {
    const body: unknown = JSON.parse(text)
    if (isObject(body) && typeof body['message'] === 'string') return body['message'].slice(0, messageMax)
  } catch {
    return text.slice(0, messageMax)
  }
  return text.slice(0, messageMax)
}

function unexpected(response: SafeResponse): Refusal {
  return new Refusal('upstream', `the PLC directory answered with status ${response.status}`)
}
