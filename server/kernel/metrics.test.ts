import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from './metrics.ts'

test('counters, gauges and histograms are read as Prometheus does', async () => {
  const metrics = createMetrics()
  const commits = metrics.counter('leaf_pds_commits_total', 'Commits.', ['kind'])
  commits.add({ kind: 'create' })
  commits.add({ kind: 'create' }, 2)
  let sockets = 1
  metrics.gauge('leaf_pds_sockets', 'Sockets.', () => sockets)
  sockets = 7
  metrics.histogram('leaf_pds_commit_seconds', 'Time.', { buckets: [0.1, 1] }).observe(0.5)
  const text = await metrics.text()
  assert.match(text, /^leaf_pds_commits_total\{kind="create"\} 3$/m)
  assert.match(text, /^leaf_pds_sockets 7$/m)
  assert.match(text, /^leaf_pds_commit_seconds_bucket\{le="0\.1"\} 0$/m)
  assert.match(text, /^leaf_pds_commit_seconds_bucket\{le="1"\} 1$/m)
  assert.match(text, /^nodejs_eventloop_lag_seconds /m)
})

test('two houses in one process have metrics of their own', async () => {
  createMetrics().counter('leaf_same_total', 'One.').add()
  assert.ok(!(await createMetrics().text()).includes('leaf_same_total'))
})

test('a name that is asked for twice is one metric, and its gauges are added up', async () => {
  const metrics = createMetrics()
  for (const sockets of [3, 4]) {
    metrics.counter('leaf_http_total', 'Calls.', ['status']).add({ status: '200' })
    metrics.gauge('leaf_http_active', 'Sockets.', () => sockets)
    metrics.histogram('leaf_http_seconds', 'Time.', { buckets: [1] }).observe(0.5)
  }
  const text = await metrics.text()
  assert.match(text, /^leaf_http_total\{status="200"\} 2$/m)
  assert.match(text, /^leaf_http_active 7$/m)
  assert.match(text, /^leaf_http_seconds_bucket\{le="1"\} 2$/m)
})
