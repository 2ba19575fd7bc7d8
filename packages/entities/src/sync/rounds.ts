/** A round of range reconciliation as frames: a bounded number each way, what is left over is asked for again. */
import type { AreaView } from './area-view.ts'
import { SyncError, syncLimits } from './contract.ts'
import type { Link } from './link.ts'
import { compareBytes } from '../willow/path.ts'
import { createRangeFrame, type RangeItem, type ReadRangeFrame } from './range-frames.ts'
import { type Answer, answerItem } from './reconcile.ts'

/** The side that answers: sends its answers as they grow, and the last one when the question has ended. */
export function createAnsweredRounds(
  link: Link,
  send: (view: AreaView, keys: readonly Uint8Array[]) => Promise<void>,
) {
  let frames = 0
  return async (view: AreaView, { area, last, items }: ReadRangeFrame): Promise<void> => {
    let frame = createRangeFrame(area)
    const tell = async (item: RangeItem) => {
      if (frame.add(item)) return
      await link.send(frame.finish(false))
      frames += 1
      frame = createRangeFrame(area)
      frame.add(item)
    }
    const answer: Answer = { tell, send: keys => send(view, keys) }
    for (const item of items) {
      if (frames < syncLimits.roundFramesMax - 1) await answerItem(view, item, answer)
      else await tell({ kind: 'again', start: item.start, end: item.end })
    }
    if (!last && frame.count === 0) return
    await link.send(frame.finish(last))
    frames = last ? 0 : frames + 1
  }
}

export interface AskedRounds {
  readonly link: Link
  readonly area: number
  readonly view: AreaView
  /** The next frame of the answer. */
  readonly take: () => Promise<ReadRangeFrame>
  readonly send: (keys: readonly Uint8Array[]) => Promise<void>
  readonly onRound: () => void
}

/** The side that asks: round after round, until nothing is left to be said. Throws SyncError when that never is. */
export async function askRounds({ link, area, view, take, send, onRound }: AskedRounds): Promise<void> {
  const { start, end } = view.bounds
  let todo: RangeItem[] = [{ kind: 'sum', start, end, ...(await view.summary(view.bounds)) }]
  for (let round = 0; todo.length > 0; round++) {
    if (round === syncLimits.roundsMax)
      throw new SyncError('protocol', `expected an area to be equal after ${syncLimits.roundsMax} rounds`)
    todo = await sendRound(link, area, todo)
    // What was left out of this round is asked for in the next one, together with what this one brings.
    const tell = async (item: RangeItem) => void todo.push(item)
    let frames = 0
    for (let last = false; !last; frames += 1) {
      const frame = await take()
      if (frame.area !== area || frames > answersMax)
        throw new SyncError('protocol', 'expected an answer about the area that was asked for')
      ;({ last } = frame)
      for (const item of frame.items) await answerItem(view, item, { tell, send })
    }
    todo.sort((a, b) => compareBytes(a.start, b.start))
    onRound()
  }
}

/** Each frame of a question is answered by at most one more than it makes room for. */
const answersMax = syncLimits.roundFramesMax * 3

/** Sends one round; gives the items for which there was no room. */
async function sendRound(link: Link, area: number, items: readonly RangeItem[]): Promise<RangeItem[]> {
  let frame = createRangeFrame(area)
  let frames = 0
  for (const [index, item] of items.entries()) {
    if (frame.add(item)) continue
    if (frames === syncLimits.roundFramesMax - 1) {
      await link.send(frame.finish(true))
      return items.slice(index)
    }
    await link.send(frame.finish(false))
    frames += 1
    frame = createRangeFrame(area)
    frame.add(item)
  }
  await link.send(frame.finish(true))
  return []
}
