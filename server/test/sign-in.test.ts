/** Signing in through other people's accounts, with real neighbours: OpenID providers and a server like GitHub. */
import { after, before } from 'node:test'
import { accountPageScenarios, identityScenarios, interruptedScenarios } from './scenarios/sign-in-account.ts'
import { signInScenarios } from './scenarios/sign-in.ts'
import { onEveryEngine } from './support/engines.ts'
import { type Providers, startProviders } from './support/providers.ts'
import { createSignInHouse } from './support/sign-in-house.ts'

let providers: Providers

before(async () => {
  providers = await startProviders()
})
after(() => providers.stop())

onEveryEngine(
  'sign-in',
  leaf => {
    before(() => providers.allow(leaf().url))
    const house = createSignInHouse(leaf, () => providers)
    signInScenarios(house)
    identityScenarios(house)
    accountPageScenarios(house)
    interruptedScenarios(house)
  },
  async () => ({ env: providers.env }),
)
