import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from './route.ts'
import { createRouter } from './router.ts'

const handle = () => undefined
const route = (path: string, methods?: string[]): Route => ({ path, handle, ...(methods ? { methods } : {}) })
const routerOf = (...routes: Route[]) => createRouter([{ name: 'pds', routes, upgrades: [] }])

test('the longest path wins, and an exact one before every prefix', () => {
  const router = routerOf(
    route('/*'),
    route('/xrpc/*'),
    route('/xrpc/_health'),
    route('/a/b/*'),
    route('/a/*'),
  )
  const found = (path: string) => router.find('GET', path)?.route?.path
  assert.equal(found('/'), '/*')
  assert.equal(found('/other/deep'), '/*')
  assert.equal(found('/xrpc/com.atproto.sync.getRepo'), '/xrpc/*')
  assert.equal(found('/xrpc/'), '/xrpc/*')
  assert.equal(found('/xrpc'), '/*')
  assert.equal(found('/xrpc/_health'), '/xrpc/_health')
  assert.equal(found('/a/b/c'), '/a/b/*')
  assert.equal(found('/a/bc'), '/a/*')
})

test('a path that nobody serves is no match', () => {
  assert.equal(routerOf(route('/account')).find('GET', '/accounts'), undefined)
})

test('HEAD is served by the GET route, and other methods are told which there are', () => {
  const router = routerOf(route('/form', ['GET']), route('/form', ['POST']))
  assert.deepEqual(router.find('HEAD', '/form')?.route?.methods, ['GET'])
  assert.deepEqual(router.find('POST', '/form')?.route?.methods, ['POST'])
  assert.deepEqual(router.find('PUT', '/form')?.methods, ['GET', 'POST', 'HEAD'])
})

test('two systems that claim one path are an error that names both', () => {
  const mount = (name: string, path: string) => ({ name, routes: [route(path)], upgrades: [] })
  assert.throws(() => createRouter([mount('pds', '/poll'), mount('skrepka', '/poll')]), {
    message: 'pds and skrepka both claim /poll',
  })
  const socket = (name: string) => ({ name, routes: [], upgrades: [{ path: '/s', upgrade: handle }] })
  assert.throws(() => createRouter([socket('pds'), socket('streams')]), {
    message: 'pds and streams both claim upgrades of /s',
  })
})

test('a system that claims a method of a path twice is an error', () => {
  assert.throws(() => routerOf(route('/a', ['GET', 'POST']), route('/a', ['POST'])), /pds claims \/a twice/)
  assert.throws(() => routerOf(route('/a'), route('/a', ['POST'])), /pds claims \/a twice/)
})

test('what is neither a path nor a prefix is refused', () => {
  for (const path of ['', 'account', '/a*', '/a/*/b', '/a?b', '/a b'])
    assert.throws(() => routerOf(route(path)), /neither a path nor a prefix/, path)
})
