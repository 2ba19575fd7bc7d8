/** The settings of entities. */
import { integer, list, oneOf, setting, type ValuesOf } from '../kernel/config.ts'

const mebibyte = 1024 * 1024
/** The well-known communal namespace: everybody has her own subspace in it. */
export const communalNamespace = 'd41b58ca08e1299bcb1f915dfabc84c305ef20cdb3c756a4aa269b51268635ec'

/** A whole number with a default. */
function number(name: string, doc: string, fallback: number, bounds: { min?: number; max?: number } = {}) {
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = bounds
  return setting(integer({ min, max }), { name, doc, fallback })
}

/** Public keys, 64 hex digits each, separated by commas; lower case. */
const keys = (input: string): readonly string[] =>
  list(input).map(key => {
    const hex = key.toLowerCase()
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`expected keys of 64 hex digits, got "${key}"`)
    return hex
  })

/** What of others' entities is kept here. */
const keeping = {
  store: setting<'anyone' | 'members'>(oneOf(['anyone', 'members']), {
    name: 'ENTITIES_STORE',
    doc: 'Whose entities are stored: those of anyone who syncs, or of members (who have linked their subspace with their account) and of those in ENTITIES_INVITED.',
    fallback: { development: 'anyone', production: 'members' },
  }),
  invited: setting<readonly string[]>(keys, {
    name: 'ENTITIES_INVITED',
    doc: 'Subspaces that are stored though no account here has linked them: their public keys, 64 hex digits each, separated by commas.',
    fallback: [],
    defaultText: 'none',
  }),
  namespaces: setting<readonly string[]>(keys, {
    name: 'ENTITIES_NAMESPACES',
    doc: 'Namespaces of which entities are stored: their public keys, 64 hex digits each, separated by commas.',
    fallback: [communalNamespace],
    defaultText: 'the communal namespace of Leaf',
  }),
  entriesMax: number(
    'ENTITIES_ENTRIES_PER_SUBSPACE_MAX',
    'Entries of one subspace. An entity takes one, and one more for each of its components.',
    200_000,
  ),
  bytesMax: number(
    'ENTITIES_BYTES_PER_SUBSPACE_MAX',
    'Bytes in all entities of one subspace.',
    1024 * mebibyte,
    { min: 1024 },
  ),
  payloadBytesMax: number(
    'ENTITIES_PAYLOAD_BYTES_MAX',
    'Bytes of one blob or component. Larger ones are known, but their bytes are not fetched.',
    16 * mebibyte,
    { min: 1024, max: 16 * mebibyte },
  ),
  futureSecondsMax: number(
    'ENTITIES_FUTURE_SECONDS_MAX',
    'How far ahead of this server’s clock an entry may be dated, in seconds.',
    600,
    { max: 86_400 },
  ),
}

/** What connections and requests may take. */
const traffic = {
  connectionsMax: number(
    'ENTITIES_CONNECTIONS_MAX',
    'Devices that are connected for syncing at the same time.',
    2000,
  ),
  connectionsPerAddressMax: number(
    'ENTITIES_CONNECTIONS_PER_ADDRESS_MAX',
    'Connections of one address for syncing at the same time.',
    50,
  ),
  entriesPerSecond: number(
    'ENTITIES_ENTRIES_PER_SECOND',
    'Entries that are taken of one address in a second. Whoever sends more is slowed down, not refused.',
    4000,
    { max: 1_000_000 },
  ),
  readLimit: number('ENTITIES_READ_LIMIT', 'Requests over HTTP that one address may make in a minute.', 600),
  dropLimit: number('ENTITIES_DROP_LIMIT', 'Drops that one address may bring or fetch in an hour.', 60),
  dropBytesMax: number('ENTITIES_DROP_BYTES_MAX', 'Bytes of one drop.', 256 * mebibyte, { min: 1024 }),
}

/** The table that `configuration.ts` joins. */
export const entitiesSettings = { ...keeping, ...traffic }
export type EntitiesSettings = ValuesOf<typeof entitiesSettings>
