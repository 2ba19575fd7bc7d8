const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** How long ago something was, in words: `just now`, `5 minutes ago`, `on 2026-01-31`. */
export function ago(atMs: number, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - atMs)
  if (passedMs < minuteMs) return 'just now'
  if (passedMs < hourMs) return many(Math.floor(passedMs / minuteMs), 'minute')
  if (passedMs < dayMs) return many(Math.floor(passedMs / hourMs), 'hour')
  if (passedMs < 30 * dayMs) return many(Math.floor(passedMs / dayMs), 'day')
  return `on ${new Date(atMs).toISOString().slice(0, 10)}`
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'} ago`
}
