import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { onBothEngines } from '../entities/test-entities.ts'
import { runLeaf } from './test-terminal.ts'

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-cli-entity-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const entity = (file: string, ...argv: readonly string[]) => runLeaf(['entity', ...argv, '--file', file])

test('what was put is got and listed, and goes through a drop whole', async t => {
  const folder = await folderOf(t)
  const [file, other, drop] = ['a.db', 'b.db', 'all.drop'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const text = join(folder, 'hello.md')
  await writeFile(text, '# Hello')
  const put = await entity(file, 'put', 'posts/hello', 'Name=Hello', `CommonMark=@${text}`, 'Tags=["a","b"]')
  assert.equal(put.code, 0, put.errors)
  const { components } = JSON.parse((await entity(file, 'get', 'posts/hello', '--json')).out) as {
    components: { name: string; value: unknown }[]
  }
  const values = new Map(components.map(one => [one.name, one.value]))
  assert.deepEqual(
    [values.get('Name'), values.get('CommonMark'), values.get('Tags')],
    ['Hello', '# Hello', ['a', 'b']],
  )
  assert.match((await entity(file, 'list', 'posts')).out, /posts\/hello$/)
  await entity(file, 'put', 'posts/hello', '--remove', 'Tags')
  assert.doesNotMatch((await entity(file, 'get', 'posts/hello')).out, /Tags/)

  assert.equal((await entity(file, 'export', drop)).code, 0)
  const twice = await entity(file, 'export', drop)
  assert.equal(twice.code, 1)
  assert.match(twice.errors, /never overwritten/)
  assert.equal((await entity(other, 'import', drop)).code, 0)
  const { subspace } = JSON.parse((await entity(file, 'link', '--did', 'did:plc:abc', '--json')).out) as {
    subspace: string
  }
  assert.match((await entity(other, 'get', 'posts/hello', '--of', subspace)).out, /Name: Hello/)
})

test('what cannot be is told in a sentence, with exit code 1', async t => {
  const file = join(await folderOf(t), 'a.db')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['get', 'x'], /there is no .*a\.db/i],
    [['put', 'x'], /nothing to do/i],
    [['put', 'x', 'Nope=1'], /there is no kind Nope/i],
    [['put', 'x', 'Tags=nonsense'], /expected JSON/],
    [['put', 'x', 'CreatedAt="soon"'], /expected a whole number/],
    [['get', 'nothing'], /there is no entity/i],
    [['get', '~x'], /expected a component/i],
    [['sync', 'http://127.0.0.1:1'], /cannot be reached/],
    [['import', 'nowhere.drop'], /there is no nowhere\.drop/i],
  ]
  for (const [argv, sentence] of cases) {
    const run = await entity(file, ...argv)
    assert.equal(run.code, 1, argv.join(' '))
    assert.match(run.errors, sentence)
  }
})

onBothEngines('leaf entity and a server', open => {
  test('a file is synced, made public, and taken back', async t => {
    const house = await open()
    const file = join(await folderOf(t), 'a.db')
    await entity(file, 'put', 'posts/hello', 'Name=Hello')
    const late = await entity(file, 'publish', 'posts', '--server', house.url)
    assert.equal(late.code, 1)
    assert.match(late.errors, /by a clock that is right/)
    house.clock.step(Date.now() - house.clock.now())
    const synced = await entity(file, 'sync', house.url, '--json')
    assert.equal(synced.code, 0, synced.errors)
    const { place } = JSON.parse(
      (await entity(file, 'publish', 'posts', '--server', house.url, '--json')).out,
    ) as {
      place: string
    }
    const path = `${new URL(place).pathname.replace('/browse/', '/v1/')}/hello`
    assert.equal((await house.get(path)).status, 200)
    assert.equal((await entity(file, 'publish', 'posts', '--off', '--server', house.url)).code, 0)
    assert.equal((await house.get(path)).status, 404)
  })

  test('a server that does not keep a stranger’s says so', async t => {
    const house = await open({ store: 'members' })
    const file = join(await folderOf(t), 'a.db')
    await entity(file, 'put', 'a', 'Name=A')
    const synced = await entity(file, 'sync', house.url)
    assert.equal(synced.code, 1)
    assert.match(synced.errors, /did not take all/)
  })
})
