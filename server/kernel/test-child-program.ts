/** A child for tests: says what it is asked for. */
import process from 'node:process'
import { childArguments, serveFrames } from './child-side.ts'

serveFrames(
  frame => {
    const word = Buffer.from(frame).toString('utf8')
    if (word === 'environment') return Buffer.from(Object.keys(process.env).join(' '))
    if (word === 'arguments') return Buffer.from(childArguments().join(' '))
    if (word === 'pid') return Buffer.from(String(process.pid))
    if (word === 'priority') return Buffer.from(readPriority())
    if (word === 'spin') for (;;) continue
    if (word === 'nothing') return undefined
    if (word === 'memory') return Buffer.from(String(Buffer.alloc(2 ** 31).length))
    return frame
  },
  { frameBytesMax: 1000 },
)

function readPriority(): string {
  return String(process.getBuiltinModule('node:os').getPriority())
}
