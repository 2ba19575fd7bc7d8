/** Numbers seen from outside, in Prometheus' text format. Names are `leaf_<system>_<what>_<unit>`. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  /** A value that is asked for when somebody looks. */
  gauge(name: string, help: string, read: () => number): void
  histogram(name: string, help: string, options: { readonly labels?: readonly string[]; readonly buckets: readonly number[] }): Histogram
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
