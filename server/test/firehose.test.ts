import { firehoseScenarios } from './scenarios/firehose.ts'
import { onEveryEngine } from './support/engines.ts'

onEveryEngine('the firehose tells everything once and in order', firehoseScenarios)
