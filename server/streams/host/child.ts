/** The program of a host: a process of its own, started by the pool. */
import { childArguments, monotonic, serveFrames } from '../../kernel/child-side.ts'
import { createHost } from './child/serve.ts'
import { frameBytesMax } from './protocol.ts'

const [openMax = 0, fileBytesMax = 0, rowsMax = 0, answerBytesMax = 0] = childArguments().map(Number)
serveFrames(createHost({ openMax, fileBytesMax, rowsMax, answerBytesMax }, monotonic), { frameBytesMax })
