import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { safeReturnTo } from './return-to.ts'

test('a path of this server is kept', () => {
  for (const path of ['/', '/account', '/oauth/authorize?client_id=a%20b&x=1#y', '/a/b']) {
    assert.equal(safeReturnTo(path), path)
  }
})

test('what leads elsewhere leads to the account page', () => {
  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/..//evil.example',
    '/.//evil.example',
    '/\t/evil.example',
    'account',
    '',
    ' /account',
    '/a\nb',
    `/${'x'.repeat(3_000)}`,
  ]
  for (const text of [...elsewhere, null, undefined]) assert.equal(safeReturnTo(text), '/account')
})

test('whatever comes in, a browser that follows what comes out stays on this server', () => {
  const base = 'https://leaf.example'
  const pieces = fc.constantFrom(
    '/',
    '\\',
    '..',
    '.',
    '//',
    'evil.example',
    ':',
    '@',
    '%2f',
    '\t',
    '\n',
    ' ',
    '?',
    '#',
    'https:',
    'a',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(pieces).map(list => list.join('')),
      ),
      text => {
        assert.equal(new URL(safeReturnTo(text), base).origin, base)
        assert.equal(new URL(safeReturnTo(`/${text}`), base).origin, base)
      },
    ),
    { numRuns: 1_000 },
  )
})
