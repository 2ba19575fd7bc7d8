/** A page of a subscription as it goes out: the rows, which all subscribers share, are put in as they are. */
import { encodeSubscriptionResponse } from '@leaf/streams/wire'
import type { SubscriptionPage } from '../stream/contract.ts'

/** `{"response": {"Ok": {"rows": ` */
const head = Buffer.from('\xa2\x68response\xa1\x62Ok\xa2\x64rows', 'latin1')
/** `, "has_more": true}}, "subscriptionId": ` and a text of 26 characters */
const middleMore = Buffer.from('\x68has_more\xf5\x6esubscriptionId\x78\x1a', 'latin1')
const middleLast = Buffer.from('\x68has_more\xf4\x6esubscriptionId\x78\x1a', 'latin1')

/** The argument of `stream/subscription_response`, in parts. `subscriptionId` is a ULID. */
export function pageParts(subscriptionId: string, page: SubscriptionPage): readonly Uint8Array[] {
  if (!page.ok) return [encodeSubscriptionResponse(subscriptionId, page)]
  return [
    head,
    page.rows.drisl,
    page.hasMore ? middleMore : middleLast,
    Buffer.from(subscriptionId, 'latin1'),
  ]
}
