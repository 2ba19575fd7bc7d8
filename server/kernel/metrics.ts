import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client'

/**
 * Numbers seen from outside, in Prometheus' text format. Names are `leaf_<system>_<what>_<unit>`. Who asks for a name
 * that is there already shares it (the servers of two ports count together); gauges of one name are added up.
 */
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
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, (() => number)[]>()
  return {
    counter: (name, help, labels = []) => {
      const known = counters.get(name)
      if (known !== undefined) return known
      const counter = new PromCounter({ name, help, labelNames: [...labels], registers })
      const made: Counter = { add: (values = {}, by = 1) => counter.inc(values, by) }
      counters.set(name, made)
      return made
    },
    gauge: (name, help, read) => {
      const known = gauges.get(name)
      if (known !== undefined) return void known.push(read)
      const reads = [read]
      gauges.set(name, reads)
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(reads.reduce((sum, one) => sum + one(), 0))
        },
      })
    },
    histogram: (name, help, { labels = [], buckets }) => {
      const known = histograms.get(name)
      if (known !== undefined) return known
      const histogram = new PromHistogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers,
      })
      const made: Histogram = { observe: (value, values = {}) => histogram.observe(values, value) }
      histograms.set(name, made)
      return made
    },
    text: () => registry.metrics(),
  }
}
