import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { jwtPart } from '../../kernel/jwt.ts'
import { generateSigningKey } from '../../kernel/keys.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Account } from '../database/accounts.ts'
import { setStatus } from '../database/accounts.ts'
import type { AuthRule } from './credentials.ts'
import { signServiceJwt } from './service-jwt.ts'
import { accessMs, type AuthHouse, openAuthHouse, serviceDid } from './test-house.ts'

let house: AuthHouse
let alice: Account

before(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
after(() => house.close())
beforeEach(() => as('active'))

const nsid = 'com.example.method'
const ask = (rule: AuthRule, authorization?: string) => house.authenticate(rule, authorization, nsid)
const as = (status: Account['status']) => house.database.write(tx => setStatus(tx, alice.id, status, null))
const session = { need: 'session' } as const

test('a session says who it is', async () => {
  const { accessJwt, sessionId } = await house.open(alice)
  assert.deepEqual(await ask(session, `Bearer ${accessJwt}`), {
    kind: 'session',
    did: alice.did,
    account: alice.id,
    status: 'active',
    sessionId,
    scope: 'com.atproto.access',
  })
})

test('no header is AuthMissing, and everything that is no bearer token is InvalidToken', async () => {
  await assert.rejects(ask(session), { code: 'unauthenticated', wireName: 'AuthMissing' })
  for (const header of [
    '',
    'Bearer',
    'Bearer a b',
    'Basic YWRtaW46eA==',
    'DPoP abc',
    'Whatever abc',
    'Bearer garbled',
  ]) {
    await assert.rejects(ask(session, header), { code: 'invalid', wireName: 'InvalidToken' }, header)
  }
})

test('a token that is altered anywhere is refused', async () => {
  const { accessJwt, refreshJwt } = await house.open(alice)
  const [head, body, tail] = accessJwt.split('.')
  const other = jwtPart({
    ...JSON.parse(Buffer.from(body!, 'base64url').toString()),
    scope: 'com.atproto.access',
    sub: 'did:plc:other',
  })
  const forged = [
    refreshJwt,
    `${head}.${other}.${tail}`,
    `${jwtPart({ typ: 'at+jwt', alg: 'none' })}.${body}.`,
    `${head}.${body}.`,
    `${head}.${body}`,
    `${head}.${body}.${'A'.repeat(43)}`,
  ]
  for (const token of forged) {
    await assert.rejects(ask(session, `Bearer ${token}`), { code: 'invalid', wireName: 'InvalidToken' })
  }
})

test('an access token lasts a quarter of an hour, and is then a 400 ExpiredToken', async () => {
  const { accessJwt } = await house.open(alice)
  house.clock.advance(accessMs - 1_000)
  await ask(session, `Bearer ${accessJwt}`)
  house.clock.advance(1_000)
  await assert.rejects(ask(session, `Bearer ${accessJwt}`), { code: 'invalid', wireName: 'ExpiredToken' })
})

test('logging out ends access at once', async () => {
  const { accessJwt, sessionId } = await house.open(alice)
  await house.sessions.end(sessionId)
  await assert.rejects(ask(session, `Bearer ${accessJwt}`), { wireName: 'ExpiredToken' })
})

test('a session that has expired is over, whatever its tokens say', async () => {
  const { accessJwt, sessionId } = await house.open(alice)
  const sql = 'UPDATE pds_sessions SET expires_at = $2 WHERE id = $1'
  await house.database.write(tx => tx.run(sql, [sessionId, house.clock.now()]))
  await assert.rejects(ask(session, `Bearer ${accessJwt}`), { wireName: 'ExpiredToken' })
})

test('app passwords do what their scope allows and no more', async () => {
  const rules = [session, { ...session, scope: 'privileged' }, { ...session, scope: 'full' }] as const
  const allowed = { access: [1, 1, 1], appPassPrivileged: [1, 1, 0], appPass: [1, 0, 0] } as const
  for (const kind of ['access', 'appPassPrivileged', 'appPass'] as const) {
    const { accessJwt } = await house.open(alice, kind)
    for (const [index, rule] of rules.entries()) {
      const answer = ask(rule, `Bearer ${accessJwt}`)
      if (allowed[kind][index] === 1) assert.equal((await answer).kind, 'session')
      else
        await assert.rejects(answer, {
          code: 'invalid',
          wireName: 'InvalidToken',
          message: 'Bad token scope',
        })
    }
  }
})

test('an account that rests or was taken down may call only what says so', async () => {
  const { accessJwt } = await house.open(alice)
  const header = `Bearer ${accessJwt}`
  await as('deactivated')
  await assert.rejects(ask(session, header), { code: 'unauthenticated', wireName: 'AccountDeactivated' })
  assert.equal((await ask({ ...session, also: ['deactivated'] }, header)).kind, 'session')
  for (const status of ['takendown', 'suspended'] as const) {
    await as(status)
    await assert.rejects(ask({ ...session, also: ['deactivated'] }, header), {
      code: 'unauthenticated',
      wireName: 'AccountTakedown',
    })
  }
})

test('a session of an account that was taken down is good for leaving only', async () => {
  await as('takendown')
  const { accessJwt } = await house.open(alice, 'takendown')
  await assert.rejects(ask(session, `Bearer ${accessJwt}`), { wireName: 'InvalidToken' })
  const leaving = { ...session, also: ['takendown'] } as const
  assert.equal((await ask(leaving, `Bearer ${accessJwt}`)).kind, 'session')
})

test('an optional session is nobody without a header, and refused when it is bad', async () => {
  assert.deepEqual(await ask({ need: 'optional' }), { kind: 'none' })
  await assert.rejects(ask({ need: 'optional' }, 'Bearer garbled'), { wireName: 'InvalidToken' })
})

test('a page’s session is no token’s', async () => {
  const cookie = await house.database.write(tx =>
    house.pageSessions.open(tx, alice.id, { device: '', address: '' }),
  )
  const page = await house.pageSessions.read(cookie.split(';')[0])
  const token = house.tokens.access({
    did: alice.did,
    scope: 'com.atproto.access',
    sessionId: page!.sessionId,
  })
  await assert.rejects(ask(session, `Bearer ${token}`), { wireName: 'InvalidToken' })
})

test('a refresh token is asked for where it is needed, expired ones only to log out', async () => {
  const { accessJwt, refreshJwt } = await house.open(alice)
  await assert.rejects(ask({ need: 'refresh' }), { wireName: 'AuthMissing' })
  await assert.rejects(ask({ need: 'refresh' }, `Bearer ${accessJwt}`), { wireName: 'InvalidToken' })
  assert.equal((await ask({ need: 'refresh' }, `Bearer ${refreshJwt}`)).kind, 'refresh')
  house.clock.step(31 * 86_400_000)
  await assert.rejects(ask({ need: 'refresh' }, `Bearer ${refreshJwt}`), { wireName: 'ExpiredToken' })
  assert.equal((await ask({ need: 'refresh', allowExpired: true }, `Bearer ${refreshJwt}`)).kind, 'refresh')
})

const serviceToken = async (
  changes: { audience?: string; method?: string | undefined; expiresAtS?: number } = {},
) => {
  const key = await house.database.read(tx => house.keys.signerFor(tx, alice))
  const request = { issuer: alice.did, audience: serviceDid, method: nsid as string | undefined, ...changes }
  return signServiceJwt(request, { clock: house.clock, random: systemRandom, key })
}
const serviceRule = { need: 'optional-service' } as const

test('a service token of any DID is checked for signature, audience, method and time', async () => {
  const good = await serviceToken()
  const credentials = await ask(serviceRule, `Bearer ${good}`)
  assert.deepEqual([credentials.kind, 'issuer' in credentials && credentials.issuer], ['service', alice.did])
  assert.deepEqual(await ask(serviceRule), { kind: 'none' })
  const faults = [
    ['BadJwtAudience', await serviceToken({ audience: 'did:web:other.example.com' })],
    ['BadJwtAudience', await serviceToken({ audience: `${serviceDid}#atproto_pds` })],
    ['BadJwtLexiconMethod', await serviceToken({ method: 'com.example.other' })],
    ['BadJwtLexiconMethod', await serviceToken({ method: undefined })],
    ['JwtExpired', await serviceToken({ expiresAtS: Math.floor(house.clock.now() / 1000) - 1 })],
    ['BadJwt', 'a.b'],
    ['BadJwtSignature', `${good.slice(0, -8)}AAAAAAAA`],
  ] as const
  for (const [wireName, token] of faults) {
    await assert.rejects(ask(serviceRule, `Bearer ${token}`), { code: 'unauthenticated', wireName })
  }
})

test('a session token is no service token, whoever signed it', async () => {
  const key = await house.database.read(tx => house.keys.signerFor(tx, alice))
  const claims = {
    iss: alice.did,
    aud: serviceDid,
    lxm: nsid,
    exp: Math.floor(house.clock.now() / 1000) + 60,
  }
  for (const typ of ['at+jwt', 'refresh+jwt', 'dpop+jwt']) {
    const signed = `${jwtPart({ typ, alg: 'ES256K' })}.${jwtPart(claims)}`
    const token = `${signed}.${Buffer.from(key.sign(Buffer.from(signed))).toString('base64url')}`
    await assert.rejects(ask(serviceRule, `Bearer ${token}`), { wireName: 'BadJwtType' })
  }
})

test('a service token by another key is refused', async () => {
  const request = { issuer: alice.did, audience: serviceDid, method: nsid }
  const key = generateSigningKey(systemRandom)
  const token = signServiceJwt(request, { clock: house.clock, random: systemRandom, key })
  await assert.rejects(ask(serviceRule, `Bearer ${token}`), { wireName: 'BadJwtSignature' })
})

test('where a method takes service tokens of our own accounts, their status counts', async () => {
  const rule = { ...session, service: true } as const
  const token = await serviceToken()
  assert.equal((await ask(rule, `Bearer ${token}`)).kind, 'service')
  await assert.rejects(ask(session, `Bearer ${token}`), { wireName: 'InvalidToken' })
  await as('deactivated')
  await assert.rejects(ask(rule, `Bearer ${token}`), { wireName: 'AccountDeactivated' })
})
