import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Hono } from 'hono'
import { Refusal } from '../errors.ts'
import type { RequestContext, Route } from './route.ts'

/** What a Hono app finds in `c.env`. */
export interface HonoBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly context: RequestContext
}

export type HonoEnv = { Bindings: HonoBindings }

/**
 * Mounts a Hono app. Errors of its handlers, and paths that it does not have, become the kernel's answers like those
 * of any other route, so the app needs no `onError` and no `notFound`. Under a prefix the app sees whole paths.
 */
export function honoRoute(path: string, app: Hono<HonoEnv>, methods?: readonly string[]): Route {
  app.onError(error => {
    throw error
  })
  app.notFound(() => {
    throw new Refusal('missing', 'there is nothing at this address')
  })
  return {
    path,
    ...(methods === undefined ? {} : { methods }),
    handle: async (request, response, context) => {
      let failure: { readonly error: unknown } | undefined
      const listener = getRequestListener(
        web => app.fetch(web, { incoming: request, outgoing: response, context }),
        {
          overrideGlobalObjects: false,
          errorHandler: error => {
            failure = { error }
          },
        },
      )
      await listener(request, response)
      if (failure === undefined) return
      if (failure.error instanceof RequestError) {
        throw new Refusal('invalid', 'the request names no valid address', { cause: failure.error })
      }
      throw failure.error
    },
  }
}
