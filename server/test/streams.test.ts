/** Streams in a whole Leaf, with the client that people have. */
import { methodScenarios } from './streams/methods.ts'
import { raisedLimits } from './streams/people.ts'
import { onEveryEngine } from './support/engines.ts'

onEveryEngine('the published client of streams', methodScenarios, { env: raisedLimits })
