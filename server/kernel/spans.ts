/** Traces of what is no HTTP request: calls over a socket that stays open. */

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

export interface Span {
  /** Called once. */
  end(attributes?: SpanAttributes): void
}

export interface Spans {
  /** A span from now on. */
  begin(name: string, attributes: SpanAttributes): Span
}

const noSpan: Span = { end: () => undefined }

/** When nobody traces. */
export const noSpans: Spans = { begin: () => noSpan }
