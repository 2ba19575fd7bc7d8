/** What the tables of com.atproto.repo.* have in common. */
import { post } from '../support/http.ts'
import type { Case, World } from './case.ts'

export const ns = 'com.atproto.repo'
export const note = 'com.example.note'
export const postType = 'app.bsky.feed.post'
export const createdAt = '2026-01-01T00:00:00.000Z'
export const bogusCid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

/** A write by Alice; `body` gets her repo added unless it names one. */
export const write = (
  method: string,
  name: string,
  body: (world: World) => object,
  more: Partial<Case> = {},
): Case => ({
  name: `${method}: ${name}`,
  call: w => post(`${ns}.${method}`, { repo: w.alice.did, ...body(w) }, { token: w.alice.accessJwt }),
  ...more,
})
