import { Refusal } from '../../kernel/errors.ts'
import type { SafeFetch, SafeFetchOptions, SafeResponse } from '../../kernel/fetch.ts'
import { SignInFault } from './sign-in-fault.ts'

/** How a provider is spoken to: its answers are small, and people are waiting. */
export const providerTimeoutMs = 8_000
const answerBytesMax = 512 * 1024

/** Asks a provider; what keeps it from answering becomes a SignInFault. Gives any HTTP status back. */
export async function askProvider(
  fetch: SafeFetch,
  label: string,
  url: string,
  options: SafeFetchOptions = {},
): Promise<SafeResponse> {
  try {
    return await fetch(url, { timeoutMs: providerTimeoutMs, bytesMax: answerBytesMax, ...options })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new SignInFault('unreachable', label, `no answer from ${originOf(url)}: ${error.message}`, error)
  }
}

/** The JSON object in an answer; a SignInFault when there is none. */
export function jsonAnswer(response: SafeResponse, label: string): Readonly<Record<string, unknown>> {
  const value = jsonOf(response)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown> // an object, as checked
  }
  throw new SignInFault(
    'unreachable',
    label,
    `expected JSON from ${originOf(response.url)}, got ${response.status} with something else`,
  )
}

/** What an answer says in JSON; undefined when it is none. */
export function jsonOf(response: SafeResponse): unknown {
  try {
    return JSON.parse(Buffer.from(response.body).toString())
  } catch {
    return undefined // an error page, say: the caller looks at the status
  }
}

/** A short form body. */
export function formBody(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString()
}

function originOf(url: string): string {
  return URL.parse(url)?.origin ?? 'the provider'
}
