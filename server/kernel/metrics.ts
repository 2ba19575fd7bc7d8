import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client'

/** Numbers seen from outside, in Prometheus' text format. Names are `leaf_<system>_<what>_<unit>`. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  /** A value that is asked for when somebody looks. */
  gauge(name: string, help: string, read: () => number): void
  histogram(
    name: string,
    help: string,
    options: { readonly labels?: readonly string[]; readonly buckets: readonly number[] },
  ): Histogram
  /** Everything, as Prometheus reads it. */
  text(): Promise<string>
}

export type MetricLabels = Readonly<Record<string, string>>

export interface Counter {
  add(labels?: MetricLabels, by?: number): void
}

export interface Histogram {
  observe(value: number, labels?: MetricLabels): void
}

/** Metrics that nobody looks at, for tests. */
export const noMetrics: Metrics = {
  counter: () => ({ add: () => undefined }),
  gauge: () => undefined,
  histogram: () => ({ observe: () => undefined }),
  text: async () => '',
}

/** The content type of `text()`. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Metrics in a registry of their own, with those of the process (memory, event loop, collections). */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    counter: (name, help, labels = []) => {
      const counter = new PromCounter({ name, help, labelNames: [...labels], registers })
      return { add: (values = {}, by = 1) => counter.inc(values, by) }
    },
    gauge: (name, help, read) => {
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    histogram: (name, help, { labels = [], buckets }) => {
      const histogram = new PromHistogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers,
      })
      return { observe: (value, values = {}) => histogram.observe(values, value) }
    },
    text: () => registry.metrics(),
  }
}
