import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { Refusal } from '../errors.ts'
import { type HonoEnv, honoRoute } from './hono.ts'
import { startServer } from './test-server.ts'

function app() {
  const pages = new Hono<HonoEnv>()
  pages.get('/pages/who', c => c.json({ id: c.env.context.id, address: c.env.context.address }))
  pages.post('/pages/form', async c => c.text(String((await c.req.parseBody())['name'])))
  pages.get('/pages/no', () => {
    throw new Refusal('forbidden', 'not yours')
  })
  pages.get('/pages/broken', async () => {
    throw new Error('the inside')
  })
  return pages
}

test('a Hono app finds the context of the request, and reads forms', async t => {
  const server = await startServer([honoRoute('/pages/*', app())])
  t.after(server.stop)
  const response = await fetch(`${server.url}/pages/who`)
  const body = (await response.json()) as Record<string, string>
  assert.equal(body['id'], response.headers.get('x-request-id'))
  assert.equal(body['address'], '127.0.0.1')
  const form = await fetch(`${server.url}/pages/form`, {
    method: 'POST',
    body: new URLSearchParams({ name: 'alice' }),
  })
  assert.equal(await form.text(), 'alice')
})

test("errors of a Hono app, and its missing pages, are the kernel's answers", async t => {
  const server = await startServer([honoRoute('/pages/*', app())])
  t.after(server.stop)
  const refused = await fetch(`${server.url}/pages/no`)
  assert.equal(refused.status, 403)
  assert.deepEqual(await refused.json(), { error: 'Forbidden', message: 'not yours' })
  const broken = await fetch(`${server.url}/pages/broken`)
  assert.equal(broken.status, 500)
  assert.ok(!(await broken.text()).includes('the inside'))
  assert.equal((await fetch(`${server.url}/pages/nothing`)).status, 404)
})
