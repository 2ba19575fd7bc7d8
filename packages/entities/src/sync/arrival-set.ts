/** Which arrivals of a store came from the other side: they need not be sent back to it. */

export interface ArrivalSet {
  add(arrival: number): void
  has(arrival: number): boolean
}

/** Runs of numbers that are remembered; the oldest are forgotten first, and then an entry is sent in vain. */
const runsMax = 1024

export function createArrivalSet(): ArrivalSet {
  /** First and last of each run, ascending; numbers are added in about their order. */
  const runs: { first: number; last: number }[] = []
  return {
    add: arrival => {
      let index = runs.length
      while (index > 0 && (runs[index - 1]?.first ?? 0) > arrival) index -= 1
      const before = runs[index - 1]
      const next = runs[index]
      if (before !== undefined && arrival <= before.last) return
      const joinsNext = next?.first === arrival + 1
      if (before?.last === arrival - 1) {
        before.last = joinsNext ? next.last : arrival
        if (joinsNext) runs.splice(index, 1)
      } else if (joinsNext) next.first = arrival
      else runs.splice(index, 0, { first: arrival, last: arrival })
      if (runs.length > runsMax) runs.shift()
    },
    has: arrival => {
      for (let index = runs.length - 1; index >= 0; index--) {
        const run = runs[index]
        if (run === undefined || arrival > run.last) return false
        if (arrival >= run.first) return true
      }
      return false
    },
  }
}
