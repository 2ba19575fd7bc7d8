import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Account } from '../../../database/accounts.ts'
import { setEmail } from '../../../database/accounts.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from '../../../identity/test-house.ts'
import type { XrpcCall, XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { createGetRecommendedDidCredentials } from './get-recommended-did-credentials.ts'
import { createRefreshIdentity } from './refresh-identity.ts'
import { createRequestPlcOperationSignature } from './request-plc-operation-signature.ts'
import { createResolveDid } from './resolve-did.ts'
import { createResolveHandle } from './resolve-handle.ts'
import { createResolveIdentity } from './resolve-identity.ts'
import { createSignPlcOperation } from './sign-plc-operation.ts'
import { createSubmitPlcOperation } from './submit-plc-operation.ts'
import { createUpdateHandleMethod } from './update-handle.ts'

let house: IdentityHouse
let alice: Account
/** Tokens that were mailed, by account. */
const mailed = new Map<number, string>()

before(async () => {
  house = await openIdentityHouse()
  alice = await house.join('alice.test')
})
after(() => house.close())

async function call<Params, Input>(
  method: XrpcMethod<Params, Input>,
  given: { params?: Params; input?: Input; as?: Account },
): Promise<unknown> {
  const { params, input, as } = given
  const credentials =
    as === undefined
      ? { kind: 'none' }
      : {
          kind: 'session',
          did: as.did,
          account: as.id,
          status: as.status,
          sessionId: 's',
          scope: 'com.atproto.access',
        }
  const reply = await method.handle({ params, input, credentials } as unknown as XrpcCall<Params, Input>)
  return reply === undefined ? undefined : 'json' in reply ? reply.json : reply
}

test('resolveHandle, resolveDid, resolveIdentity and refreshIdentity answer as their lexicons say', async () => {
  const { resolution } = house
  const didDoc = await resolution.resolveDid(alice.did)
  const identity = { did: alice.did, handle: 'alice.test', didDoc }
  assert.deepEqual(await call(createResolveHandle({ resolution }), { params: { handle: 'alice.test' } }), {
    did: alice.did,
  })
  assert.deepEqual(await call(createResolveDid({ resolution }), { params: { did: alice.did } }), { didDoc })
  assert.deepEqual(
    await call(createResolveIdentity({ resolution }), { params: { identifier: 'alice.test' } }),
    identity,
  )
  assert.deepEqual(
    await call(createRefreshIdentity({ resolution }), { input: { identifier: alice.did }, as: alice }),
    identity,
  )
})

test('updateHandle changes the caller’s handle and answers with nothing', async () => {
  const method = createUpdateHandleMethod({ updateHandle: house.updateHandle })
  assert.equal(await call(method, { input: { handle: 'Alicia.test' }, as: alice }), undefined)
  assert.equal((await house.account(alice.did)).handle, 'alicia.test')
  await assert.rejects(call(method, { input: { handle: 'x.test' } }), { wireName: 'AuthMissing' })
})

test('getRecommendedDidCredentials says what the DID should say while the account is here', async () => {
  const account = await house.account(alice.did)
  assert.deepEqual(
    await call(createGetRecommendedDidCredentials({ plcActs: house.plcActs }), { as: account }),
    {
      alsoKnownAs: [`at://${account.handle}`],
      verificationMethods: { atproto: account.signingKey },
      rotationKeys: [account.rotationKey],
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: publicUrl } },
    },
  )
})

const request = () =>
  createRequestPlcOperationSignature({
    database: house.database,
    issueEmailToken: account => {
      mailed.set(account.id, 'ABCDE-FGHIJ')
      return Promise.resolve()
    },
  })

const sign = () =>
  createSignPlcOperation({
    plcActs: house.plcActs,
    spendEmailToken: (account, purpose, token) => {
      const right = purpose === 'plc_operation' && mailed.get(account) === token
      if (!right) return Promise.reject(refuse('InvalidToken', 'Token is invalid'))
      mailed.delete(account)
      return Promise.resolve()
    },
  })

test('an operation is signed for a mailed token, once, and then submitted', async () => {
  assert.equal(await call(request(), { as: alice }), undefined)
  const method = sign()
  await assert.rejects(call(method, { input: {}, as: alice }), {
    wireName: 'InvalidRequest',
    message: 'email confirmation token required to sign PLC operations',
  })
  await assert.rejects(call(method, { input: { token: 'WRONG' }, as: alice }), {
    wireName: 'InvalidToken',
    message: 'Token is invalid',
  })
  const alsoKnownAs = ['at://alicia.test', 'https://alicia.example']
  const input = { token: 'ABCDE-FGHIJ', alsoKnownAs }
  const answer = (await call(method, { input, as: alice })) as {
    operation: { alsoKnownAs: string[]; sig: string }
  }
  assert.deepEqual(answer.operation.alsoKnownAs, alsoKnownAs)
  await assert.rejects(call(method, { input, as: alice }), { wireName: 'InvalidToken' })
  const submit = createSubmitPlcOperation({ plcActs: house.plcActs })
  assert.equal(await call(submit, { input: { operation: answer.operation }, as: alice }), undefined)
  assert.deepEqual((await house.plc.data(alice.did))?.alsoKnownAs, alsoKnownAs)
})

test('what the directory would refuse is refused before a token is used up', async () => {
  await call(request(), { as: alice })
  const bad = [
    { rotationKeys: [] },
    { rotationKeys: ['did:key:zoo'] },
    { rotationKeys: [alice.rotationKey, alice.rotationKey] },
    { verificationMethods: { atproto: 1 } },
    { verificationMethods: { atproto: 'x' } },
    { verificationMethods: [] },
    { services: { atproto_pds: 'https://x' } },
    { services: 'x' },
  ]
  for (const wished of bad) {
    await assert.rejects(call(sign(), { input: { token: 'ABCDE-FGHIJ', ...wished }, as: alice }), {
      wireName: 'InvalidRequest',
    })
  }
  assert.equal(mailed.get(alice.id), 'ABCDE-FGHIJ')
})

test('an account without an e-mail address cannot ask for a token', async () => {
  const bob = await house.join('bob.test')
  await house.database.write(tx => setEmail(tx, bob.id, null, null))
  await assert.rejects(call(request(), { as: bob }), {
    wireName: 'InvalidRequest',
    message: 'account does not have an email address',
  })
})
