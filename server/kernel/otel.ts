import type { Attributes, Context, SpanContext } from '@opentelemetry/api'
import type { Sampler } from '@opentelemetry/sdk-trace'
import type { Environment } from './config.ts'
import type { Tracer } from './http/access.ts'
import { StartFault } from './lifecycle.ts'
import type { Spans } from './spans.ts'

export interface TracerOptions {
  /** Only the standard `OTEL_*` variables are read. The exporter reads its own (`OTEL_EXPORTER_OTLP_*`) by itself. */
  readonly env: Environment
  /** Leaf's version. */
  readonly version: string
}

/** Of requests, and of what else somebody traces. */
export interface OtelTracer extends Tracer {
  readonly spans: Spans
}

/**
 * Traces of every request, one span each, sent by OTLP over HTTP. The libraries are loaded by this call and not
 * before. Throws StartFault when they are not installed, or when a variable has a value that means nothing.
 */
export async function createTracer({ env, version }: TracerOptions): Promise<OtelTracer> {
  const { api, sdk, exporter, resources } = await load()
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': 'leaf', 'service.version': version }))
      .merge(resources.resourceFromAttributes(resourceAttributes(env))),
    sampler: samplerOf(sdk, env),
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter: new exporter.OTLPTraceExporter(), ...batchOptions(env) }),
    ],
  })
  const tracer = provider.getTracer('leaf', version)
  const parentOf = (traceparent: string | undefined): Context => {
    const parent = parseTraceParent(traceparent)
    return parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent)
  }
  return {
    begin: (request, context, path) => {
      const method = request.method ?? 'GET'
      const attributes: Attributes = {
        'http.request.method': method,
        'url.path': path,
        'url.scheme': context.secure ? 'https' : 'http',
        'server.address': context.host,
        'client.address': context.address,
        'leaf.request.id': context.id,
      }
      const header = request.headers['traceparent']
      const parent = parentOf(typeof header === 'string' ? header : undefined)
      const span = tracer.startSpan(method, { kind: api.SpanKind.SERVER, attributes }, parent)
      return {
        end: (status, route) => {
          span.setAttribute('http.response.status_code', status)
          if (route !== undefined) {
            span.setAttribute('http.route', route)
            span.updateName(`${method} ${route}`)
          }
          if (status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
          span.end()
        },
      }
    },
    spans: {
      begin: (name, attributes) => {
        const span = tracer.startSpan(name, { kind: api.SpanKind.SERVER, attributes }, api.ROOT_CONTEXT)
        return {
          end: (more = {}) => {
            span.setAttributes(more)
            span.end()
          },
        }
      },
    },
    close: () => provider.shutdown(),
  }
}

async function load() {
  try {
    const [api, sdk, exporter, resources] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
    return { api, sdk, exporter, resources }
  } catch (cause) {
    throw new StartFault(
      'tracing was asked for, but the OpenTelemetry packages are not installed: npm install them, or leave --otel out',
      {
        cause,
      },
    )
  }
}

/** `OTEL_RESOURCE_ATTRIBUTES` (`key=value,key=value`, percent-encoded), and `OTEL_SERVICE_NAME`, which wins. */
function resourceAttributes(env: Environment): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const pair of (env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    const at = pair.indexOf('=')
    if (at > 0) attributes[pair.slice(0, at).trim()] = decodeValue(pair.slice(at + 1).trim())
  }
  const name = env['OTEL_SERVICE_NAME'] ?? ''
  return name === '' ? attributes : { ...attributes, 'service.name': name }
}

function decodeValue(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

type Sdk = typeof import('@opentelemetry/sdk-trace')

/** `OTEL_TRACES_SAMPLER` and its argument. */
function samplerOf(sdk: Sdk, env: Environment): Sampler {
  const name =
    (env['OTEL_TRACES_SAMPLER'] ?? '') === '' ? 'parentbased_always_on' : String(env['OTEL_TRACES_SAMPLER'])
  const based = name.startsWith('parentbased_')
  const root = rootSampler(
    sdk,
    based ? name.slice('parentbased_'.length) : name,
    env['OTEL_TRACES_SAMPLER_ARG'],
  )
  return based ? new sdk.ParentBasedSampler({ root }) : root
}

function rootSampler(sdk: Sdk, name: string, argument: string | undefined): Sampler {
  if (name === 'always_on') return new sdk.AlwaysOnSampler()
  if (name === 'always_off') return new sdk.AlwaysOffSampler()
  if (name !== 'traceidratio') {
    throw new StartFault(
      `OTEL_TRACES_SAMPLER: expected always_on, always_off, traceidratio, or one of them after parentbased_, got "${name}"`,
    )
  }
  const ratio = argument === undefined || argument === '' ? 1 : Number(argument)
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new StartFault(`OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got "${argument}"`)
  }
  return new sdk.TraceIdRatioBasedSampler(ratio)
}

/** `OTEL_BSP_*`; when the queue is full, spans are dropped. */
function batchOptions(env: Environment) {
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? '')
    return Number.isInteger(value) && value > 0 ? value : fallback
  }
  const maxQueueSize = number('OTEL_BSP_MAX_QUEUE_SIZE', 2048)
  return {
    maxQueueSize,
    maxExportBatchSize: Math.min(maxQueueSize, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512)),
    scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', 5000),
    exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  }
}

/** The caller's span, by https://www.w3.org/TR/trace-context/#traceparent-header; undefined when it is not valid. */
function parseTraceParent(header: string | undefined): SpanContext | undefined {
  const match =
    /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(
      header ?? '',
    )
  const [, version, traceId, spanId, flags, more] = match ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  // Only versions to come may append something.
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}
