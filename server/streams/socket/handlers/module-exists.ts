import { decodeModuleExists } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method } from '../method.ts'

/** `module/exists` */
export function createModuleExists({ streams }: { readonly streams: Pick<Streams, 'hasModule'> }): Method {
  return async ({ argument }) => {
    const { moduleCid } = decodeModuleExists(argumentBytes(argument))
    return answer({ moduleExists: await streams.hasModule(moduleCid) })
  }
}
