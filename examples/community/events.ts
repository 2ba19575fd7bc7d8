/** The events of a community, as payloads. Ids are the sender's choice; ULIDs sort by time. */
import { encodeDrisl } from '@leaf/codec/drisl'

const prefix = 'example.community.'

type Event =
  | {
      readonly type: 'createSpace'
      readonly name: string
      readonly about?: string
      readonly avatar?: string
      /** 'invite' when not given. */
      readonly joinRule?: 'open' | 'invite' | 'closed'
    }
  | {
      readonly type: 'updateSpace'
      readonly name?: string
      readonly about?: string | null
      readonly avatar?: string | null
      readonly joinRule?: 'open' | 'invite' | 'closed'
    }
  | { readonly type: 'join'; readonly invite?: string }
  | { readonly type: 'leave' }
  | { readonly type: 'setProfile'; readonly name: string; readonly avatar?: string }
  | { readonly type: 'kick' | 'ban'; readonly did: string; readonly reason?: string }
  | { readonly type: 'unban' | 'addAdmin' | 'removeAdmin'; readonly did: string }
  | {
      readonly type: 'createRoom'
      readonly room: string
      readonly name: string
      readonly topic?: string
      readonly kind?: 'channel' | 'thread' | 'page'
      readonly parent?: string
      readonly position?: number
    }
  | {
      readonly type: 'updateRoom'
      readonly room: string
      readonly name?: string
      readonly topic?: string | null
      readonly position?: number
    }
  | { readonly type: 'deleteRoom'; readonly room: string }
  | { readonly type: 'putRole'; readonly role: string; readonly name: string; readonly color?: string }
  | { readonly type: 'deleteRole'; readonly role: string }
  | { readonly type: 'grantRole' | 'revokeRole'; readonly did: string; readonly role: string }
  | {
      readonly type: 'setAccess'
      readonly room: string
      readonly role: string
      /** Null takes it away. */
      readonly access: 'read' | 'write' | null
    }
  | {
      readonly type: 'createInvite'
      readonly code: string
      readonly role?: string
      readonly usesMax?: number
    }
  | { readonly type: 'revokeInvite'; readonly code: string }
  | { readonly type: 'sendMessage'; readonly room: string; readonly body: string; readonly replyTo?: string }
  | { readonly type: 'editMessage'; readonly message: string; readonly body: string }
  | { readonly type: 'deleteMessage' | 'pin' | 'unpin'; readonly message: string }
  | { readonly type: 'react' | 'unreact'; readonly message: string; readonly emoji: string }
  | { readonly type: 'link' | 'unlink'; readonly source: string; readonly target: string }
  /** A state event: not in the log. */
  | { readonly type: 'markRead'; readonly room: string; readonly idx: number }

export type CommunityEvent = Event
export type CommunityEventType = Event['type']

/** The DRISL of an event; of `sendMessage`, `id` is also the message's. */
export function payloadOf(id: string, event: CommunityEvent): Uint8Array {
  const { type, ...fields } = event
  return encodeDrisl({ $type: prefix + type, id, ...fields })
}
