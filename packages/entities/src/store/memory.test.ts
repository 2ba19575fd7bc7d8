import { memoryBacking } from './memory.ts'
import { describeStore } from './suite.ts'

describeStore({ name: 'memory', open: async () => memoryBacking(), runs: 300 })
