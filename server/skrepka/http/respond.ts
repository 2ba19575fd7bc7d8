/** Finds who answers a request. */
import type { SkrepkaSettings } from '../config.ts'
import type { Mesh, RelayAnswer, RelayRequest } from '../contract.ts'
import { answerNotFound, answerPreflight, answerTooLarge } from './answers.ts'
import { bodyBytesMaxOf, normalPath } from './paths.ts'
import type { Handler } from './routes.ts'

/**
 * Gives the function that answers a request: by our handlers, then by the mesh, else 404. It rejects with what they
 * throw. What a handler gives is handed on as it is: a held poll shall hold no frame of a function that waits for it.
 */
export function createRespond(deps: {
  readonly settings: Pick<SkrepkaSettings, 'httpMaxBodyBytes'>
  readonly handlers: ReadonlyMap<string, Handler>
  readonly mesh: Pick<Mesh, 'answer'>
}): (request: RelayRequest) => Promise<RelayAnswer> {
  const { settings, handlers, mesh } = deps

  const answerOfMesh = async (request: RelayRequest, path: string): Promise<RelayAnswer> =>
    (await mesh.answer(path === request.path ? request : withPath(request, path))) ?? answerNotFound

  const route = (request: RelayRequest): RelayAnswer | Promise<RelayAnswer> => {
    const path = normalPath(request.path)
    if (request.method === 'OPTIONS') return answerPreflight
    if (request.body.length > bodyBytesMaxOf(path, settings)) return answerTooLarge
    const handler = handlers.get(`${request.method} ${path}`)
    return handler === undefined ? answerOfMesh(request, path) : handler(request)
  }

  return request => {
    try {
      return Promise.resolve(route(request))
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

function withPath(request: RelayRequest, path: string): RelayRequest {
  return { ...request, path }
}
