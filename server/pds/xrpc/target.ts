/** What a request under `/xrpc/` names. */

/** All methods stand under it. */
export const xrpcPrefix = '/xrpc/'

export interface Target {
  /** Undefined when it cannot be the name of a method. */
  readonly nsid: string | undefined
  /** Without `?`. */
  readonly query: string
}

const nsidPattern = /^[a-zA-Z0-9]+(?:[.-][a-zA-Z0-9]+)*$/
const nsidCharsMax = 317

/** Splits a request's target. The pattern is as loose as the reference's; what no lexicon knows is refused later. */
export function splitTarget(target: string): Target {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  // Proxies may send the absolute form.
  const start = path.indexOf(xrpcPrefix) + xrpcPrefix.length
  const nsid = path.slice(start, path.endsWith('/') ? -1 : undefined)
  const valid = nsid.length >= 2 && nsid.length <= nsidCharsMax && nsidPattern.test(nsid)
  return { nsid: valid ? nsid : undefined, query }
}

/** Whether it is the health check, which is no method. */
export function isHealth(target: string): boolean {
  return target.startsWith('/xrpc/_health') && /^\/xrpc\/_health\/?(\?|$)/.test(target)
}
