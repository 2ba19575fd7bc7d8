/** `/account/entities` and what its forms do: link a subspace with a proof, and unlink it. */
import { MalformedError } from '@leaf/codec/errors'
import { AtprotoIdentity } from '@leaf/entities/leaf/well-known'
import {
  readProofWord,
  spaceRecordCollection,
  spaceRecordKey,
  writeSpaceRecord,
} from '@leaf/entities/resolver/space-record'
import { hexOf, id32Of } from '../entities/hex.ts'
import type { Entities } from '../entities/index.ts'
import type { LinkedSubspace } from '../entities/store/membership.ts'
import { Refusal } from '../kernel/errors.ts'
import { refusalStatus } from '../kernel/http/answer.ts'
import type { Route } from '../kernel/http/route.ts'
import {
  assertForm,
  type Exchange,
  type PageHttpDeps,
  pageRoute,
  readForm,
  seeOther,
  sendPage,
} from '../pds/auth/page-http.ts'
import { type PageSession, sessionBinding } from '../pds/auth/page-session.ts'
import type { Pds } from '../pds/index.ts'
import { ago } from './ago.ts'
import type { PageOptions } from './layout.ts'
import { entitiesAccountPage, type EntitiesAccountModel, type SubspaceRow } from './pages/entities-account.ts'

export interface EntitiesAccountDeps extends PageHttpDeps {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly publicUrl: string
  readonly pds: Pds
  readonly entities: Entities
}

type Notice = EntitiesAccountModel['notice']
type Act = (session: PageSession, form: URLSearchParams, deps: EntitiesAccountDeps) => Promise<string>

const page = '/account/entities'

export function entitiesAccountRoutes(deps: EntitiesAccountDeps): Route[] {
  return [
    pageRoute('GET', page, exchange => show(exchange, deps), deps),
    pageRoute('POST', `${page}/link`, exchange => perform(exchange, link, deps), deps),
    pageRoute('POST', `${page}/unlink`, exchange => perform(exchange, unlink, deps), deps),
  ]
}

async function show(exchange: Exchange, deps: EntitiesAccountDeps): Promise<void> {
  const session = await deps.pds.signIn.pageSessions.read(exchange.request.headers.cookie)
  if (session === undefined) return seeOther(exchange, `/sign-in?return_to=${page}`)
  await render(exchange, session, deps)
}

async function perform(exchange: Exchange, act: Act, deps: EntitiesAccountDeps): Promise<void> {
  const session = await deps.pds.signIn.pageSessions.read(exchange.request.headers.cookie)
  const form = await readForm(exchange, deps.clock)
  if (session === undefined) return seeOther(exchange, `/sign-in?return_to=${page}`)
  assertForm(exchange, form, sessionBinding(session.sessionId), deps.csrf)
  await deps.pds.charge('write', session.account.did)
  try {
    await render(exchange, session, deps, { kind: 'good', text: await act(session, form, deps) })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const text = `That did not work: ${error.message}. Nothing was changed.`
    await render(exchange, session, deps, { kind: 'bad', text }, refusalStatus(error))
  }
}

/** First the link here, whose proof is checked, then the record that tells the world. */
async function link({ account }: PageSession, form: URLSearchParams, deps: EntitiesAccountDeps) {
  const record = readProof(account.did, form.get('proof') ?? '')
  await deps.entities.membership.link(record)
  const servers = [deps.entities.serverName]
  await deps.pds.repo.repositories.write({
    did: account.did,
    writes: [
      {
        action: 'put',
        collection: spaceRecordCollection,
        rkey: spaceRecordKey,
        record: writeSpaceRecord({ ...record, servers }),
      },
    ],
  })
  return `Subspace ${hexOf(record.subspace).slice(0, 8)}… is linked: your devices can sync with ${deps.entities.serverName}.`
}

function readProof(did: string, text: string) {
  try {
    return readProofWord(did, text)
  } catch (error) {
    if (error instanceof MalformedError) throw new Refusal('invalid', error.message, { cause: error })
    throw error
  }
}

async function unlink({ account }: PageSession, form: URLSearchParams, deps: EntitiesAccountDeps) {
  const subspace = id32Of(form.get('subspace') ?? '')
  if (subspace === undefined) throw new Refusal('invalid', 'expected the key of a subspace')
  const { did } = account
  const isNamed = (await namedBy(did, deps)) === hexOf(subspace)
  if (!(await deps.entities.membership.unlink(did, subspace)))
    throw new Refusal('missing', 'this subspace is not linked with your account')
  if (isNamed) {
    const record = { collection: spaceRecordCollection, rkey: spaceRecordKey }
    await deps.pds.repo.repositories.write({
      did,
      writes: [{ action: 'delete', ...record, ifPresent: true }],
    })
  }
  return `Subspace ${hexOf(subspace).slice(0, 8)}… is unlinked, and this server’s copy is gone.`
}

/** The subspace (hex) that the record in the repository names; undefined: there is none. */
async function namedBy(did: string, { pds }: EntitiesAccountDeps): Promise<string | undefined> {
  try {
    const address = { repo: did, collection: spaceRecordCollection, rkey: spaceRecordKey, cid: undefined }
    const answer: unknown = JSON.parse(await pds.repo.reading.record(address))
    const value: unknown =
      typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'value') : undefined
    const subspace: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'subspace') : undefined
    return typeof subspace === 'string' ? subspace : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** What the default entity of a subspace says of a DID. */
async function profileOf(
  { namespace, subspace, did }: LinkedSubspace,
  { entities }: EntitiesAccountDeps,
): Promise<SubspaceRow['profile']> {
  const view = await entities.reading.open({ namespace, subspace }, { subspaces: [subspace] })
  const state = await view?.entity([])
  const named = state?.kind === 'ready' ? state.view.get(AtprotoIdentity)?.did : undefined
  if (named === undefined) return 'says nothing'
  return named === did ? 'names her' : 'names somebody else'
}

async function render(
  exchange: Exchange,
  session: PageSession,
  deps: EntitiesAccountDeps,
  notice?: Notice,
  status = 200,
): Promise<void> {
  const { account, csrf } = session
  const now = deps.clock.now()
  const named = await namedBy(account.did, deps)
  const linked = await deps.entities.membership.linkedBy(account.did)
  const subspaces = await Promise.all(
    linked.map(
      async (one): Promise<SubspaceRow> => ({
        subspace: one.subspace,
        namespace: one.namespace,
        entries: one.usage.entries,
        entriesMax: one.quota.entries,
        bytes: one.usage.bytes,
        bytesMax: one.quota.bytes,
        linked: ago(one.linkedAt, now),
        isNamed: named === hexOf(one.subspace),
        profile: await profileOf(one, deps),
      }),
    ),
  )
  const model: EntitiesAccountModel = {
    frame: deps.frame,
    viewer: { handle: account.handle ?? account.did, csrf },
    did: account.did,
    publicUrl: deps.publicUrl,
    subspaces,
    notice,
  }
  sendPage(exchange, { status, html: entitiesAccountPage(model).toString() })
}
