/** Which methods a service token may be asked for. */

/** Methods that no other server may ever call for somebody: they change the account itself. */
const protectedMethods: ReadonlySet<string> = new Set([
  'com.atproto.admin.sendEmail',
  'com.atproto.identity.requestPlcOperationSignature',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.updateHandle',
  'com.atproto.server.activateAccount',
  'com.atproto.server.confirmEmail',
  'com.atproto.server.createAppPassword',
  'com.atproto.server.deactivateAccount',
  'com.atproto.server.getAccountInviteCodes',
  'com.atproto.server.getSession',
  'com.atproto.server.listAppPasswords',
  'com.atproto.server.requestAccountDelete',
  'com.atproto.server.requestEmailConfirmation',
  'com.atproto.server.requestEmailUpdate',
  'com.atproto.server.revokeAppPassword',
  'com.atproto.server.updateEmail',
])

/** Whether nobody gets a token for this method. */
export function isProtectedMethod(nsid: string): boolean {
  return protectedMethods.has(nsid)
}

/** Whether an ordinary app password gets no token for this method: direct messages, and moving the account. */
export function isPrivilegedMethod(nsid: string): boolean {
  return nsid.startsWith('chat.bsky.') || nsid === 'com.atproto.server.createAccount'
}
