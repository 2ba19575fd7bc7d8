/** Lets the page open without network: keeps its few files, and asks the server first. */
export {}

/** What of a service worker is used; the compiler's own types of it are for another library. */
interface Worker {
  readonly location: Location
  addEventListener(
    type: 'install' | 'activate',
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void
  addEventListener(
    type: 'fetch',
    listener: (event: { readonly request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void
}

const cacheName = 'messenger-1'
const worker = globalThis as unknown as Worker

worker.addEventListener('install', event => {
  event.waitUntil(caches.open(cacheName).then(cache => cache.add('/')))
})

worker.addEventListener('fetch', event => {
  const { request } = event
  const own = new URL(request.url).origin === worker.location.origin
  if (own && request.method === 'GET') event.respondWith(answer(request))
})

/** From the server, and kept; from what was kept when there is no server. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  try {
    const response = await fetch(request)
    if (response.ok) await cache.put(request, response.clone())
    return response
  } catch (error) {
    const kept = await cache.match(request)
    if (kept !== undefined) return kept
    throw error
  }
}
