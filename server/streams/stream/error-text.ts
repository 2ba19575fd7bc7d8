/** What an error says, for logs and for those who asked. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
