/** Rate limits, for servers that have them on. */
import { get, post, send } from '../support/http.ts'
import type { Case } from './case.ts'

const headers = ['ratelimit-limit', 'ratelimit-policy', 'ratelimit-remaining']
const attemptsMax = 30
const attempt = (n: number) =>
  post('com.atproto.server.createSession', { identifier: 'nobody.test', password: `guess ${n}` })

export const limitCases: readonly Case[] = [
  { name: 'limits: describeServer', call: () => get('com.atproto.server.describeServer'), headers },
  {
    name: 'limits: createRecord',
    call: w =>
      post(
        'com.atproto.repo.createRecord',
        { repo: w.alice.did, collection: 'com.example.note', record: { text: 'x' } },
        { token: w.alice.accessJwt },
      ),
    headers,
  },
  { name: 'limits: getRepo', call: w => get('com.atproto.sync.getRepo', { did: w.alice.did }), headers },
  { name: 'limits: the first attempt to sign in', call: () => attempt(0), headers },
  {
    name: 'limits: one attempt too many',
    call: async w => {
      for (let n = 1; n < attemptsMax; n += 1) await send(w.url, attempt(n))
      return attempt(attemptsMax)
    },
    headers,
    message: true,
  },
]
