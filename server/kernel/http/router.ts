import type { Route, UpgradeRoute } from './route.ts'

/** What a system serves, as the router needs it. */
export interface Mount {
  /** Named in the error when two claim one path. */
  readonly name: string
  readonly routes: readonly Route[]
  readonly upgrades: readonly UpgradeRoute[]
}

/** `methods` are those of the path; undefined: there is no such path. */
export type RouteMatch =
  | { readonly route: Route; readonly methods?: undefined }
  | { readonly route?: undefined; readonly methods: readonly string[] }
  | undefined

export interface Router {
  /** The route for a method and a path without query. HEAD is served by GET routes. */
  find(method: string, path: string): RouteMatch
  findUpgrade(path: string): UpgradeRoute | undefined
}

interface Claim {
  readonly owner: string
  readonly route: Route
}

/** Joins what all systems serve. Two systems that claim one path, or one system that claims a method twice, are an error. */
export function createRouter(mounts: readonly Mount[]): Router {
  const claims = new Map<string, Claim[]>()
  const upgrades = new Map<string, { readonly owner: string; readonly route: UpgradeRoute }>()
  for (const mount of mounts) {
    for (const route of mount.routes) addRoute(claims, mount.name, route)
    for (const route of mount.upgrades) {
      const other = upgrades.get(route.path)
      if (other !== undefined)
        throw new Error(`${other.owner} and ${mount.name} both claim upgrades of ${route.path}`)
      upgrades.set(route.path, { owner: mount.name, route })
    }
  }
  const table = new Map([...claims].map(([path, list]) => [path, list.map(claim => claim.route)]))
  return {
    find: (method, path) => {
      const routes = table.get(path) ?? findPrefix(table, path)
      return routes === undefined ? undefined : pick(routes, method)
    },
    findUpgrade: path => upgrades.get(path)?.route,
  }
}

function addRoute(claims: Map<string, Claim[]>, owner: string, route: Route): void {
  if (!/^\/(?:[^*?#\s]*\/)?(?:\*|[^*?#\s]*)$/.test(route.path)) {
    throw new Error(`${owner} serves '${route.path}', which is neither a path nor a prefix that ends in /*`)
  }
  const others = claims.get(route.path) ?? []
  for (const other of others) {
    if (other.owner !== owner) throw new Error(`${other.owner} and ${owner} both claim ${route.path}`)
    const { methods } = other.route
    if (
      methods === undefined ||
      route.methods === undefined ||
      route.methods.some(one => methods.includes(one))
    ) {
      throw new Error(`${owner} claims ${route.path} twice`)
    }
  }
  claims.set(route.path, [...others, { owner, route }])
}

/** The longest prefix wins: the path is cut at its slashes from the right. */
function findPrefix(
  table: ReadonlyMap<string, readonly Route[]>,
  path: string,
): readonly Route[] | undefined {
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const found = table.get(`${path.slice(0, end)}/*`)
    if (found !== undefined) return found
  }
  return undefined
}

function pick(routes: readonly Route[], method: string): RouteMatch {
  for (const route of routes) {
    if (route.methods === undefined || route.methods.includes(method)) return { route }
  }
  if (method === 'HEAD') {
    const route = routes.find(one => one.methods?.includes('GET') === true)
    if (route !== undefined) return { route }
  }
  const methods = routes.flatMap(route => route.methods ?? [])
  return { methods: methods.includes('GET') ? [...methods, 'HEAD'] : methods }
}
