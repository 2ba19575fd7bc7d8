/** A process for tests that starts a child, tells its number, and lets it spin. */
import { tmpdir } from 'node:os'
import { spawnChild } from './child.ts'

const child = spawnChild({
  program: new URL('./test-child-program.ts', import.meta.url),
  arguments: [],
  folder: tmpdir(),
  memoryBytesMax: 1.5 * 2 ** 30,
  heapBytesMax: 2 ** 26,
  frameBytesMax: 1000,
  onFrame: frame => {
    console.log(Buffer.from(frame).toString())
    child.send(Buffer.from('spin'))
  },
  onEnd: () => undefined,
})
child.send(Buffer.from('pid'))
setInterval(() => undefined, 1000)
