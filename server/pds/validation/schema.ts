/**
 * Lexicon definitions as functions that look at JSON. CIDs and bytes are in their JSON forms (`$link`, `$bytes`), so
 * that what came over the wire needs no conversion before it is validated. The oracle of its tests is `@atproto/lexicon`.
 */
import { type Fault, fault, tooBig, tooSmall, wrongType, wrongValue } from './faults.ts'
import { isBlobRef, isBytes, isLink, isMap } from './json.ts'
import type {
  LexiconArray,
  LexiconBlob,
  LexiconInteger,
  LexiconObject,
  LexiconString,
  LexiconType,
  LexiconUnion,
} from './lexicon-types.ts'
import { graphemeLength, stringFormats, utf8Length } from './strings.ts'

/** Gives what is wrong with a value, or undefined. */
export type Check = (value: unknown) => Fault | undefined

export interface SchemaContext {
  /** The document that the definition stands in: what `#name` refers to. */
  readonly nsid: string
  /** The check of a full reference (`nsid#name`, `nsid`). */
  readonly resolve: (reference: string) => Check
  /** Writes defaults into objects that lack them; for input, never for records. */
  readonly fillDefaults: boolean
}

/** The check of one definition. */
export function checkOf(type: LexiconType, context: SchemaContext): Check {
  switch (type.type) {
    case 'object':
      return objectCheck(type, context)
    case 'array':
      return arrayCheck(type, context)
    case 'string':
      return stringCheck(type)
    case 'integer':
      return integerCheck(type)
    case 'boolean':
      return value => {
        if (typeof value !== 'boolean') return wrongType('boolean', value)
        return type.const === undefined || value === type.const ? undefined : wrongValue([type.const], value)
      }
    case 'bytes':
      return value => {
        if (!isBytes(value)) return wrongType('bytes', value)
        return lengthFault('bytes', Math.floor((value.$bytes.replace(/=+$/, '').length * 3) / 4), type)
      }
    case 'cid-link':
      return value => (isLink(value) ? undefined : wrongType('cid', value))
    case 'blob':
      return blobCheck(type)
    case 'unknown':
      return value => (isMap(value) ? undefined : wrongType('object', value))
    case 'ref': {
      const { resolve, nsid } = context
      const reference = fullReference(type.ref, nsid)
      let check: Check | undefined
      return value => (check ??= resolve(reference))(value)
    }
    case 'union':
      return unionCheck(type, context)
    case 'token':
      return value => (typeof value === 'string' ? undefined : wrongType('token', value))
    case 'null':
      return value => (value === null ? undefined : wrongType('null', value))
  }
}

/** `nsid#name` of a reference within the document `nsid`; without `#main`. */
function fullReference(reference: string, nsid: string): string {
  const full = reference.startsWith('#') ? nsid + reference : reference
  return full.endsWith('#main') ? full.slice(0, -'#main'.length) : full
}

function objectCheck(type: LexiconObject, context: SchemaContext): Check {
  const members = Object.entries(type.properties ?? {}).map(([name, one]) => ({
    name,
    check: checkOf(one, context),
    required: type.required?.includes(name) ?? false,
    nullable: type.nullable?.includes(name) ?? false,
    fallback: context.fillDefaults && 'default' in one ? one.default : undefined,
  }))
  const undescribed = (type.required ?? []).filter(name => !Object.hasOwn(type.properties ?? {}, name))
  return value => {
    if (!isMap(value)) return wrongType('object', value)
    for (const { name, check, required, nullable, fallback } of members) {
      const member = Object.hasOwn(value, name) ? value[name] : undefined
      if (member === undefined) {
        if (fallback !== undefined) value[name] = fallback
        else if (required) return fault(`Missing required key "${name}"`)
        continue
      }
      if (member === null && nullable) continue
      const found = check(member)
      if (found !== undefined) return within(name, found)
    }
    const missing = undescribed.find(name => !Object.hasOwn(value, name))
    return missing === undefined ? undefined : fault(`Missing required key "${missing}"`)
  }
}

function arrayCheck(type: LexiconArray, context: SchemaContext): Check {
  const check = checkOf(type.items, context)
  return value => {
    if (!Array.isArray(value)) return wrongType('array', value)
    const wrongLength = lengthFault('array', value.length, type)
    if (wrongLength !== undefined) return wrongLength
    for (let index = 0; index < value.length; index += 1) {
      const found = check(value[index])
      if (found !== undefined) return within(index, found)
    }
    return undefined
  }
}

function stringCheck(type: LexiconString): Check {
  const { maxLength, minLength, maxGraphemes, minGraphemes } = type
  const format = type.format === undefined ? undefined : stringFormats.get(type.format)
  const values = type.const === undefined ? type.enum : [type.const]
  return value => {
    if (typeof value !== 'string') return wrongType('string', value)
    if (values !== undefined && !values.includes(value)) return wrongValue(values, value)
    // A UTF-16 unit takes at most three bytes, and a grapheme at least one unit: most texts need no counting.
    if (minLength !== undefined || (maxLength !== undefined && value.length * 3 > maxLength)) {
      const found = lengthFault('string', utf8Length(value), type)
      if (found !== undefined) return found
    }
    if (minGraphemes !== undefined || (maxGraphemes !== undefined && value.length > maxGraphemes)) {
      const limits = limitsOf(minGraphemes, maxGraphemes)
      const found = lengthFault('grapheme', graphemeLength(value), limits)
      if (found !== undefined) return found
    }
    if (format !== undefined && !format(value)) return invalidFormat(type.format ?? '', value)
    return undefined
  }
}

function limitsOf(
  min: number | undefined,
  max: number | undefined,
): { minLength?: number; maxLength?: number } {
  return {
    ...(min === undefined ? {} : { minLength: min }),
    ...(max === undefined ? {} : { maxLength: max }),
  }
}

const formatWords: Readonly<Record<string, string>> = {
  'at-identifier': 'AT identifier',
  did: 'DID',
  nsid: 'NSID',
  cid: 'CID string',
  tid: 'TID string',
  'record-key': 'record key',
}

/** `Invalid DID (got "x")`. */
function invalidFormat(format: string, value: string): Fault {
  const shown = JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value)
  return fault(`Invalid ${formatWords[format] ?? format} (got ${shown})`)
}

function integerCheck(type: LexiconInteger): Check {
  const values = type.const === undefined ? type.enum : [type.const]
  return value => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return wrongType('integer', value)
    if (values !== undefined && !values.includes(value)) return wrongValue(values, value)
    if (type.minimum !== undefined && value < type.minimum) return tooSmall('integer', type.minimum, value)
    if (type.maximum !== undefined && value > type.maximum) return tooBig('integer', type.maximum, value)
    return undefined
  }
}

function blobCheck(type: LexiconBlob): Check {
  return value => {
    if (!isBlobRef(value)) return wrongType('blob', value)
    const { accept, maxSize } = type
    if (accept !== undefined && !accept.some(pattern => mimeMatches(value.mimeType, pattern))) {
      return within('mimeType', wrongValue(accept, value.mimeType))
    }
    return maxSize !== undefined && value.size > maxSize ? tooBig('blob', maxSize, value.size) : undefined
  }
}

/** Whether a MIME type fits a lexicon's `accept`: itself, `image/*`, or everything. */
function mimeMatches(mimeType: string, pattern: string): boolean {
  if (pattern === '*/*' || pattern === mimeType) return true
  return pattern.endsWith('/*') && mimeType.startsWith(pattern.slice(0, -1))
}

function unionCheck(type: LexiconUnion, context: SchemaContext): Check {
  const checks = new Map<string, Check>()
  const references = type.refs.map(reference => fullReference(reference, context.nsid))
  return value => {
    if (!isMap(value) || !Object.hasOwn(value, '$type')) {
      return wrongType('an object which includes the "$type" property', value)
    }
    const name = value['$type']
    const full = typeof name === 'string' && name.endsWith('#main') ? undefined : name
    if (typeof full !== 'string' || !references.includes(full)) {
      if (type.closed === true) return within('$type', wrongValue(references, name))
      return typeof name === 'string' ? undefined : within('$type', wrongType('string', name))
    }
    let check = checks.get(full)
    if (check === undefined) checks.set(full, (check = context.resolve(full)))
    return check(value)
  }
}

function lengthFault(
  what: string,
  length: number,
  limits: { readonly minLength?: number; readonly maxLength?: number },
): Fault | undefined {
  if (limits.minLength !== undefined && length < limits.minLength)
    return tooSmall(what, limits.minLength, length)
  if (limits.maxLength !== undefined && length > limits.maxLength)
    return tooBig(what, limits.maxLength, length)
  return undefined
}

function within(name: string | number, found: Fault): Fault {
  found.path.unshift(name)
  return found
}
