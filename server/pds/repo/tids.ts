import { create } from '@atcute/tid'
import type { Clock } from '../../kernel/clock.ts'

/** TIDs that rise, and are never given twice by one process. */
export interface Tids {
  next(): string
}

/** `clockId`: 0 to 1023, the server's. */
export function createTids(clock: Pick<Clock, 'now'>, clockId: number): Tids {
  let lastUs = 0
  return {
    next: () => {
      lastUs = Math.max(Math.floor(clock.now() * 1000), lastUs + 1)
      return create(lastUs, clockId)
    },
  }
}
