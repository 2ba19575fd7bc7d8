/**
 * What connections hold before anything of theirs is parsed: places, and bytes that are being received or worked on,
 * for each address and for all together.
 */

/** The place of one connection. */
export interface Place {
  readonly address: string
  /** Whether `bytes` more may be held; if so they are, until `free`. */
  hold(bytes: number): boolean
  /** Holds `bytes` that are here already, also beyond the bounds. */
  take(bytes: number): void
  /** Whether more is held than may be. */
  isOver(): boolean
  /** Resolves once it is not. */
  room(): Promise<void>
  /** Gives back bytes that were held. */
  free(bytes: number): void
  /** Gives back the place, and whatever it still holds. Repeatable. */
  leave(): void
}

export interface Places {
  /** Undefined: there is none, for this address or at all. */
  take(address: string): Place | undefined
  /** Connections that have a place. */
  count(): number
  /** Bytes that all of them hold. */
  bytes(): number
}

export interface PlacesOptions {
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  readonly bytesMax: number
  readonly bytesPerAddressMax: number
}

interface Tenant {
  connections: number
  bytes: number
}

/** Places, all free. Bounded by `connectionsMax`: an address without connections is forgotten. */
export function createPlaces(options: PlacesOptions): Places {
  const tenants = new Map<string, Tenant>()
  const ledger = createLedger(options)
  const { all } = ledger
  return {
    take: address => {
      const tenant = tenants.get(address) ?? { connections: 0, bytes: 0 }
      if (all.connections >= options.connectionsMax) return undefined
      if (tenant.connections >= options.connectionsPerAddressMax) return undefined
      tenants.set(address, tenant)
      tenant.connections += 1
      all.connections += 1
      return createPlace(address, tenant, ledger, () => {
        tenant.connections -= 1
        all.connections -= 1
        if (tenant.connections === 0) tenants.delete(address)
      })
    },
    count: () => all.connections,
    bytes: () => all.bytes,
  }
}

type Ledger = ReturnType<typeof createLedger>

/** Who holds how many bytes, and who waits for some to be given back. */
function createLedger({ bytesMax, bytesPerAddressMax }: PlacesOptions) {
  const all: Tenant = { connections: 0, bytes: 0 }
  const waiting = new Set<{ readonly tenant: Tenant; readonly resolve: () => void }>()
  const fits = (tenant: Tenant, bytes: number) =>
    tenant.bytes + bytes <= bytesPerAddressMax && all.bytes + bytes <= bytesMax
  return {
    all,
    fits,
    /** Adds, or takes away, without asking. */
    add: (tenant: Tenant, bytes: number) => {
      tenant.bytes += bytes
      all.bytes += bytes
      if (bytes > 0) return
      for (const one of waiting) {
        if (!fits(one.tenant, 0)) continue
        waiting.delete(one)
        one.resolve()
      }
    },
    room: (tenant: Tenant): Promise<void> =>
      new Promise(resolve => {
        if (fits(tenant, 0)) resolve()
        else waiting.add({ tenant, resolve })
      }),
  }
}

function createPlace(address: string, tenant: Tenant, ledger: Ledger, onLeave: () => void): Place {
  let held = 0
  let left = false
  const add = (bytes: number) => {
    if (left) return
    held += bytes
    ledger.add(tenant, bytes)
  }
  return {
    address,
    hold: bytes => {
      if (left || !ledger.fits(tenant, bytes)) return false
      add(bytes)
      return true
    },
    take: add,
    isOver: () => !ledger.fits(tenant, 0),
    room: () => ledger.room(tenant),
    free: bytes => add(-Math.min(bytes, held)),
    leave: () => {
      if (left) return
      add(-held)
      left = true
      onLeave()
    },
  }
}
