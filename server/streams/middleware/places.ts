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
  const all: Tenant = { connections: 0, bytes: 0 }
  const waiting = new Set<{ readonly tenant: Tenant; readonly resolve: () => void }>()

  const fits = (tenant: Tenant, bytes: number) =>
    tenant.bytes + bytes <= options.bytesPerAddressMax && all.bytes + bytes <= options.bytesMax
  const freed = () => {
    for (const one of waiting) {
      if (!fits(one.tenant, 0)) continue
      waiting.delete(one)
      one.resolve()
    }
  }
  const leave = (tenant: Tenant, address: string) => {
    tenant.connections -= 1
    all.connections -= 1
    if (tenant.connections === 0) tenants.delete(address)
    freed()
  }
  const placeOf = (tenant: Tenant, address: string): Place => {
    let held = 0
    let left = false
    const add = (bytes: number) => {
      held += bytes
      tenant.bytes += bytes
      all.bytes += bytes
    }
    return {
      address,
      hold: bytes => {
        if (left || !fits(tenant, bytes)) return false
        add(bytes)
        return true
      },
      take: bytes => {
        if (!left) add(bytes)
      },
      isOver: () => !fits(tenant, 0),
      room: () => {
        if (left || fits(tenant, 0)) return Promise.resolve()
        return new Promise(resolve => void waiting.add({ tenant, resolve }))
      },
      free: bytes => {
        if (left) return
        add(-Math.min(bytes, held))
        freed()
      },
      leave: () => {
        if (left) return
        add(-held)
        left = true
        leave(tenant, address)
      },
    }
  }
  return {
    take: address => {
      const tenant = tenants.get(address) ?? { connections: 0, bytes: 0 }
      if (all.connections >= options.connectionsMax) return undefined
      if (tenant.connections >= options.connectionsPerAddressMax) return undefined
      tenants.set(address, tenant)
      tenant.connections += 1
      all.connections += 1
      return placeOf(tenant, address)
    },
    count: () => all.connections,
    bytes: () => all.bytes,
  }
}
