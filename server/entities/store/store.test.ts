import { describeStore } from '@leaf/entities/store/suite'
import { createManualClock } from '../../kernel/clock.ts'
import { migrations } from '../database/schema.ts'
import { onBothEngines } from '../test-entities.ts'
import { databaseBacking } from './backing.ts'

onBothEngines('a store in the house’s database', (_open, openDatabase, engine) => {
  describeStore({
    name: `the house’s ${engine}`,
    open: async () => {
      const database = await openDatabase(createManualClock())
      await database.migrate('entities', migrations)
      return databaseBacking(database)
    },
    runs: engine === 'sqlite' ? 20 : 5,
  })
})
