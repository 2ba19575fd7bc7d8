import { describeStore } from '../store/suite.ts'
import { sqliteBacking } from './sqlite.ts'

describeStore({ name: 'SQLite', open: async () => sqliteBacking(':memory:'), runs: 100 })
