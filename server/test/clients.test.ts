import { clientScenarios } from './scenarios/clients.ts'
import { onEveryEngine } from './support/engines.ts'

onEveryEngine('existing clients work unchanged', clientScenarios)
