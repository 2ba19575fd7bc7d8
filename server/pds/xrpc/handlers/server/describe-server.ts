import type { XrpcMethod } from '../../method.ts'

export interface DescribeServerDeps {
  readonly serviceDid: string
  /** Without leading dots. */
  readonly domains: readonly string[]
  readonly inviteCodeRequired: boolean
  readonly blobBytesMax: number
  readonly privacyPolicyUrl: string | undefined
  readonly termsOfServiceUrl: string | undefined
  readonly contactEmail: string | undefined
}

/** com.atproto.server.describeServer */
export function createDescribeServer(deps: DescribeServerDeps): XrpcMethod {
  const answer = {
    did: deps.serviceDid,
    availableUserDomains: deps.domains.map(domain => `.${domain}`),
    inviteCodeRequired: deps.inviteCodeRequired,
    blobUploadLimit: deps.blobBytesMax,
    links: { privacyPolicy: deps.privacyPolicyUrl, termsOfService: deps.termsOfServiceUrl },
    contact: { email: deps.contactEmail },
  }
  return {
    nsid: 'com.atproto.server.describeServer',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async () => ({ json: answer }),
  }
}
