/** Longer than anybody waits; what counts is that there is a timer. */
const intervalMs = 60 * 60 * 1000

/**
 * Keeps the process alive until the returned function is called: for commands that wait for child processes, which, as
 * timers of the clock, keep nothing alive by themselves.
 */
export function stayAwake(): () => void {
  const timer = setInterval(() => undefined, intervalMs)
  return () => clearInterval(timer)
}
