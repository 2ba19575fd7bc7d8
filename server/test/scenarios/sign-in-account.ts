/** Who somebody is here, over several providers, sessions and interruptions. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AtpAgent } from '@atproto/api'
import { alterRows } from '../support/alter.ts'
import { expectAccount, expectNo, expectRefusal, type SignInHouse } from '../support/sign-in-house.ts'
import { textOf } from '../support/visitor.ts'

export function identityScenarios({ providers, visitor, start, join }: SignInHouse): void {
  it('the identity is the number at GitHub, not the login and not the e-mail', async () => {
    providers().person('github', 'renaming')
    expectAccount(await join(visitor(), 'github', 'renaming'), 'renaming')
    const emails = [{ email: 'new@example.com', primary: true, verified: true }]
    providers().github.person = { ...providers().github.person, login: 'renamed', emails }
    expectAccount(await start(visitor(), 'github'), 'renaming')
  })

  it('one e-mail address at two providers makes two people', async () => {
    providers().person('github', 'twice')
    expectAccount(await join(visitor(), 'github', 'twice'), 'twice')
    providers().person('google', 'twice')
    assert.equal((await start(visitor(), 'google')).url.pathname, '/pds/auth/create')
  })

  it('a second provider is linked, signs in to the same account, and is unlinked; the last way in stays', async () => {
    providers().person('github', 'linker')
    providers().person('google', 'linker-at-google')
    const who = visitor()
    const account = await join(who, 'github', 'linker')
    expectAccount(account, 'linker')
    const onward = await who.submit(account, '/pds/auth/google/link')
    const linked = await who.click(onward, 'Continue to Google')
    expectAccount(linked, 'linker')
    expectAccount(await start(visitor(), 'google'), 'linker')
    const unlinked = await who.submit(linked, '/account/unlink')
    assert.equal(unlinked.status, 200)
    expectAccount(await who.go('/account'), 'linker')
    assert.ok(!unlinked.html.includes('action="/account/unlink"'), 'the last way in offers no unlinking')
  })

  it('an identity of somebody else is not linked', async () => {
    providers().person('google', 'landlord')
    expectAccount(await join(visitor(), 'google', 'landlord'), 'landlord')
    providers().person('github', 'greedy')
    const who = visitor()
    const account = await join(who, 'github', 'greedy')
    const onward = await who.submit(account, '/pds/auth/google/link')
    const page = await who.click(onward, 'Continue to Google')
    assert.ok(page.status < 500)
    expectAccount(await start(visitor(), 'google'), 'landlord')
  })
}

export function accountPageScenarios({ leaf, providers, visitor, start, join, didOf }: SignInHouse): void {
  it('an app password from the account page signs an existing client in', async () => {
    providers().person('github', 'clientele')
    const who = visitor()
    const account = await join(who, 'github', 'clientele')
    const page = await who.submit(account, '/account/app-passwords', { name: 'a client' })
    const password = /[a-z2-7]{4}(?:-[a-z2-7]{4}){3}/.exec(page.html)?.[0] ?? assert.fail(textOf(page))
    const agent = new AtpAgent({ service: leaf().url })
    await agent.login({ identifier: 'clientele.test', password })
    const { uri } = await agent.post({ text: 'from a client' })
    assert.ok(uri.startsWith(`at://${await didOf('clientele')}/`))
  })

  it('a first post is written in the box of the account page', async () => {
    providers().person('github', 'author')
    const who = visitor()
    const account = await join(who, 'github', 'author')
    const page = await who.submit(account, '/account/post', { text: 'my first post' })
    assert.equal(page.status, 200, textOf(page))
    const agent = new AtpAgent({ service: leaf().url })
    const repo = (await didOf('author')) ?? assert.fail('the handle does not resolve')
    const { data } = await agent.com.atproto.repo.listRecords({ repo, collection: 'app.bsky.feed.post' })
    assert.deepEqual(
      data.records.map(record => record.value['text']),
      ['my first post'],
    )
  })

  it('signing out ends the session', async () => {
    providers().person('github', 'leaver')
    const who = visitor()
    expectAccount(await join(who, 'github', 'leaver'), 'leaver')
    const account = await who.go('/account')
    await who.submit(account, '/pds/auth/sign-out')
    assert.notEqual((await who.go('/account')).url.pathname, '/account')
  })

  it('a form without its csrf field is refused', async () => {
    providers().person('github', 'forger')
    const who = visitor()
    const account = await join(who, 'github', 'forger')
    const page = await who.submit(account, '/account/post', { csrf: 'made-up', text: 'not mine' })
    assert.equal(page.status, 403)
  })

  it('the development sign-in makes up a person and goes the same way', async () => {
    const who = visitor()
    const page = await start(who, 'dev')
    const choice = await who.submit(page, '/pds/auth/dev', { name: 'Imagined' })
    assert.equal(choice.url.pathname, '/pds/auth/create')
    expectAccount(await who.submit(choice, '/pds/auth/create', { name: 'imagined' }), 'imagined')
  })
}

/** Each of them stops Leaf and starts it again. */
export function interruptedScenarios({ leaf, providers, visitor, start, join, begin }: SignInHouse): void {
  it('a state is good for ten minutes', async () => {
    providers().person('github', 'slowly')
    const who = visitor()
    const back = await begin(who, 'github')
    await leaf().kill()
    await alterRows(leaf(), 'UPDATE pds_oauth_state SET created_at = created_at - 601000')
    await leaf().start()
    const page = await who.go(back.href)
    expectNo(page)
    await expectRefusal(who, page)
  })

  it('a creation that kill -9 interrupts is finished or undone, and the person gets her handle', async () => {
    for (const afterMs of [2, 8, 15, 25, 40]) {
      const name = `cut-${afterMs}`
      providers().person('github', name)
      const who = visitor()
      const choice = await start(who, 'github')
      const creating = who.submit(choice, '/pds/auth/create', { name }).catch(() => undefined)
      await new Promise(resolve => setTimeout(resolve, afterMs))
      await leaf().kill()
      await creating
      await alterRows(leaf(), 'UPDATE pds_pending_accounts SET created_at = created_at - 600000')
      await leaf().start()
      const page = await start(visitor(), 'github')
      if (page.url.pathname === '/account') expectAccount(page, name)
      else expectAccount(await join(visitor(), 'github', name), name)
    }
  })
}
