import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createTracer } from './otel.ts'
import { startServer } from './http/test-server.ts'

interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[]
  readonly status: { readonly code?: number }
}

/** A receiver of OTLP over HTTP. */
async function startReceiver() {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () =>
      bodies.map(body => ({ path: body.split(' ')[1], json: JSON.parse(body.slice(body.indexOf('{'))) })),
    stop: () => new Promise(resolve => server.close(resolve).closeAllConnections()),
  }
}

const skip = await import('@opentelemetry/sdk-trace').then(
  () => false,
  () => 'the OpenTelemetry packages are not installed',
)

test('a trace of every request arrives at the OTLP endpoint, with route, status and request id', {
  skip,
}, async t => {
  const receiver = await startReceiver()
  t.after(receiver.stop)
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url
  t.after(() => delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'])
  const env = { OTEL_SERVICE_NAME: 'leaf-of-test', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=a%20b' }
  const tracer = await createTracer({ env, version: '1.2.3' })
  const server = await startServer(
    [
      { path: '/x/*', handle: (_request, response) => void response.end('ok') },
      {
        path: '/broken',
        handle: () => {
          throw new Error('broken')
        },
      },
    ],
    { tracer },
  )
  t.after(server.stop)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const first = await fetch(`${server.url}/x/secret?token=hidden`, { headers: { traceparent } })
  await first.text()
  await (await fetch(`${server.url}/broken`)).text()
  await server.stop()
  await tracer.close()

  const [message] = receiver.received()
  assert.equal(message?.path, '/v1/traces')
  const [resourceSpans] = message.json.resourceSpans
  const resource = attributesOf(resourceSpans.resource)
  assert.equal(resource['service.name'], 'leaf-of-test')
  assert.equal(resource['service.version'], '1.2.3')
  assert.equal(resource['deployment.environment'], 'a b')
  const spans: ReceivedSpan[] = resourceSpans.scopeSpans[0].spans
  const [good, broken] = spans
  assert.equal(good?.name, 'GET /x/*')
  assert.equal(good.traceId, '0af7651916cd43dd8448eb211c80319c')
  assert.equal(good.parentSpanId, 'b7ad6b7169203331')
  assert.equal(good.kind, 2)
  const attributes = attributesOf(good)
  assert.equal(attributes['url.path'], '/x/secret')
  assert.equal(attributes['http.route'], '/x/*')
  assert.equal(Number(attributes['http.response.status_code']), 200)
  assert.equal(attributes['leaf.request.id'], first.headers.get('x-request-id'))
  assert.ok(!JSON.stringify(message).includes('hidden'))
  assert.equal(broken?.status.code, 2)
})

test('a sampler that means nothing is refused with a sentence', { skip }, async () => {
  const creating = createTracer({ env: { OTEL_TRACES_SAMPLER: 'sometimes' }, version: '0' })
  await assert.rejects(creating, /expected always_on, .* got "sometimes"/)
})

function attributesOf(holder: { attributes: ReceivedSpan['attributes'] }): Record<string, unknown> {
  return Object.fromEntries(holder.attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

test('a span of what is no request arrives with what was known at its begin and at its end', {
  skip,
}, async t => {
  const receiver = await startReceiver()
  t.after(receiver.stop)
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url
  t.after(() => delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'])
  const tracer = await createTracer({ env: {}, version: '1.2.3' })
  tracer.spans.begin('handle stream/info', { did: 'anonymous' }).end({ outcome: 'ok' })
  await tracer.close()
  const [message] = receiver.received()
  const [span] = message?.json?.resourceSpans[0].scopeSpans[0].spans ?? []
  assert.equal(span.name, 'handle stream/info')
  assert.deepEqual(attributesOf(span), { did: 'anonymous', outcome: 'ok' })
})
