/** Every XRPC method of the PDS, with what each needs. */
import type { AccountRoom } from './account-room.ts'
import type { IdentityRoom } from './identity-room.ts'
import type { PdsDependencies, Place } from './dependencies.ts'
import type { RepoRoom } from './repo-room.ts'
import type { SessionRoom } from './session-room.ts'
import { createGetRecommendedDidCredentials } from './xrpc/handlers/identity/get-recommended-did-credentials.ts'
import { createRefreshIdentity } from './xrpc/handlers/identity/refresh-identity.ts'
import { createRequestPlcOperationSignature } from './xrpc/handlers/identity/request-plc-operation-signature.ts'
import { createResolveDid } from './xrpc/handlers/identity/resolve-did.ts'
import { createResolveHandle } from './xrpc/handlers/identity/resolve-handle.ts'
import { createResolveIdentity } from './xrpc/handlers/identity/resolve-identity.ts'
import { createSignPlcOperation } from './xrpc/handlers/identity/sign-plc-operation.ts'
import { createSubmitPlcOperation } from './xrpc/handlers/identity/submit-plc-operation.ts'
import { createUpdateHandleMethod } from './xrpc/handlers/identity/update-handle.ts'
import { createApplyWrites } from './xrpc/handlers/repo/apply-writes.ts'
import { createCreateRecord } from './xrpc/handlers/repo/create-record.ts'
import { createDeleteRecord } from './xrpc/handlers/repo/delete-record.ts'
import { createDescribeRepo } from './xrpc/handlers/repo/describe-repo.ts'
import { createGetRecord } from './xrpc/handlers/repo/get-record.ts'
import { createListRecords } from './xrpc/handlers/repo/list-records.ts'
import { createPutRecord } from './xrpc/handlers/repo/put-record.ts'
import { createCreateAccountMethod } from './xrpc/handlers/server/create-account.ts'
import { createCreateAppPassword } from './xrpc/handlers/server/create-app-password.ts'
import { createCreateSession } from './xrpc/handlers/server/create-session.ts'
import { createDeleteSession } from './xrpc/handlers/server/delete-session.ts'
import { createDescribeServer } from './xrpc/handlers/server/describe-server.ts'
import { createGetSession } from './xrpc/handlers/server/get-session.ts'
import { createListAppPasswords } from './xrpc/handlers/server/list-app-passwords.ts'
import { createRefreshSession } from './xrpc/handlers/server/refresh-session.ts'
import { createRevokeAppPassword } from './xrpc/handlers/server/revoke-app-password.ts'
import { createActivateAccount } from './xrpc/handlers/server/activate-account.ts'
import { createCheckAccountStatus } from './xrpc/handlers/server/check-account-status.ts'
import { createCheckSignupQueue } from './xrpc/handlers/server/check-signup-queue.ts'
import { createConfirmEmail } from './xrpc/handlers/server/confirm-email.ts'
import { createDeactivateAccount } from './xrpc/handlers/server/deactivate-account.ts'
import { createDeleteAccount } from './xrpc/handlers/server/delete-account.ts'
import { createGetAccountInviteCodes } from './xrpc/handlers/server/get-account-invite-codes.ts'
import { createGetServiceAuth } from './xrpc/handlers/server/get-service-auth.ts'
import { createRequestAccountDelete } from './xrpc/handlers/server/request-account-delete.ts'
import { createRequestEmailConfirmation } from './xrpc/handlers/server/request-email-confirmation.ts'
import { createRequestEmailUpdate } from './xrpc/handlers/server/request-email-update.ts'
import { createRequestPasswordReset } from './xrpc/handlers/server/request-password-reset.ts'
import { createResetPassword } from './xrpc/handlers/server/reset-password.ts'
import { createUpdateEmail } from './xrpc/handlers/server/update-email.ts'
import { createImportRepo } from './xrpc/handlers/repo/import-repo.ts'
import { createListMissingBlobs } from './xrpc/handlers/repo/list-missing-blobs.ts'
import { createUploadBlob } from './xrpc/handlers/repo/upload-blob.ts'
import { createSyncMethods } from './xrpc/handlers/sync/methods.ts'
import type { AnyXrpcMethod } from './xrpc/server.ts'

export interface MethodRooms {
  readonly place: Place
  readonly identity: IdentityRoom
  readonly repo: RepoRoom
  readonly sessions: SessionRoom
  readonly accounts: AccountRoom
}

/** All methods. */
export function createMethods(deps: PdsDependencies, rooms: MethodRooms): readonly AnyXrpcMethod[] {
  return [
    ...serverMethods(deps, rooms),
    ...statusMethods(deps, rooms),
    ...identityMethods(deps, rooms),
    ...repoMethods(deps, rooms),
    ...createSyncMethods({ database: deps.database, ...rooms.repo }),
  ]
}

function serverMethods(
  deps: PdsDependencies,
  { place, sessions: room, accounts }: MethodRooms,
): AnyXrpcMethod[] {
  const { settings, database, resolver } = deps
  const { sessions, appPasswords, logIn } = room
  const documentOf = resolver.document
  return [
    createDescribeServer({
      serviceDid: place.serviceDid,
      domains: place.domains,
      inviteCodeRequired: accounts.policy.signUp === 'invite',
      blobBytesMax: settings.blobBytesMax,
      privacyPolicyUrl: settings.privacyPolicyUrl,
      termsOfServiceUrl: settings.termsOfServiceUrl,
      contactEmail: settings.contactEmail,
    }),
    createCreateAccountMethod({ database, createAccount: accounts.createAccount, sessions, documentOf }),
    createCreateSession({ database, logIn, sessions, documentOf }),
    createRefreshSession({ database, sessions, documentOf }),
    createGetSession({ database, documentOf }),
    createDeleteSession({ sessions }),
    createCreateAppPassword({ appPasswords }),
    createListAppPasswords({ appPasswords }),
    createRevokeAppPassword({ appPasswords }),
  ]
}

/** Accounts that come, rest and go, their e-mail addresses, and what they sign for other services. */
function statusMethods(
  deps: PdsDependencies,
  { identity, sessions, accounts }: MethodRooms,
): AnyXrpcMethod[] {
  const { database, clock, random } = deps
  const { status, emailTokens } = accounts
  const { passwords } = sessions
  return [
    createActivateAccount({ status }),
    createDeactivateAccount({ status }),
    createCheckAccountStatus({ database, assertServedHere: identity.assertServedHere }),
    createGetServiceAuth({ database, clock, random, signerFor: identity.keys.signerFor }),
    createRequestEmailConfirmation({ database, emailTokens }),
    createConfirmEmail({ database, clock, emailTokens }),
    createRequestEmailUpdate({ database, emailTokens }),
    createUpdateEmail({ database, emailTokens }),
    createGetAccountInviteCodes({ database }),
    createCheckSignupQueue(),
    createRequestPasswordReset({ database, emailTokens }),
    createResetPassword({ database, clock, passwords, emailTokens }),
    createRequestAccountDelete({ database, emailTokens }),
    createDeleteAccount({ database, passwords, emailTokens, status }),
  ]
}

function identityMethods(deps: PdsDependencies, { identity, accounts }: MethodRooms): AnyXrpcMethod[] {
  const { resolution, plcActs, updateHandle } = identity
  const { emailTokens } = accounts
  return [
    createResolveHandle({ resolution }),
    createResolveDid({ resolution }),
    createResolveIdentity({ resolution }),
    createRefreshIdentity({ resolution }),
    createUpdateHandleMethod({ updateHandle }),
    createGetRecommendedDidCredentials({ plcActs }),
    createRequestPlcOperationSignature({ database: deps.database, issueEmailToken: emailTokens.issue }),
    createSignPlcOperation({
      plcActs,
      spendEmailToken: emailTokens.spend,
    }),
    createSubmitPlcOperation({ plcActs }),
  ]
}

function repoMethods(deps: PdsDependencies, { repo }: MethodRooms): AnyXrpcMethod[] {
  const { database, settings, resolver } = deps
  const writing = { database, repositories: repo.repositories, writeBytesMax: settings.writeBodyBytesMax }
  const { reading } = repo
  return [
    createDescribeRepo({ reading, documentOf: resolver.document }),
    createCreateRecord(writing),
    createPutRecord(writing),
    createDeleteRecord(writing),
    createApplyWrites(writing),
    createUploadBlob({ database, blobs: repo.blobs }),
    createListMissingBlobs({ database }),
    createImportRepo({ imports: repo.imports, importBytesMax: settings.importBytesMax }),
    createGetRecord({ reading }),
    createListRecords({ reading }),
  ]
}
