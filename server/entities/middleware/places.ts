/** Connections that are open or being opened, in all and by network. */
import { Refusal } from '../../kernel/errors.ts'

export interface Places {
  /** Takes a place; the returned function frees it, once. Throws Refusal `unavailable` or `limited`. */
  take(network: string): () => void
}

export function createPlaces(options: { readonly max: number; readonly perNetworkMax: number }): Places {
  const byNetwork = new Map<string, number>()
  let taken = 0
  return {
    take: network => {
      if (taken >= options.max)
        throw new Refusal('unavailable', `all ${options.max} places for syncing are taken`)
      const mine = byNetwork.get(network) ?? 0
      if (mine >= options.perNetworkMax)
        throw new Refusal('limited', `${mine} connections of your address are open already`)
      byNetwork.set(network, mine + 1)
      taken += 1
      let isFree = false
      return () => {
        if (isFree) return
        isFree = true
        taken -= 1
        const left = (byNetwork.get(network) ?? 1) - 1
        if (left > 0) byNetwork.set(network, left)
        else byNetwork.delete(network)
      }
    },
  }
}
