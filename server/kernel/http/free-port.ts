import { createServer } from 'node:net'

/** A port that nothing listens on now, for whoever was asked to take any: the preferred one if it is free. */
export async function freePort(preferred = 0): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? Promise.reject(new Error('expected a free port'))
}

/** Undefined: somebody listens there. */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  const listens = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!listens) return undefined
  const address = server.address()
  await new Promise<void>(resolve => server.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  return address.port
}
