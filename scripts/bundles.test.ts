import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { bundle, bundles } from './bundles.ts'

test('the bundles that browsers load are those that their sources give', async () => {
  for (const { entry, output } of bundles) {
    const committed = await readFile(new URL(`../${output}`, import.meta.url), 'utf8')
    assert.ok(committed === (await bundle(entry)), `${output} is stale: run npm run bundles`)
  }
})
