import { parseCid } from '@leaf/codec/drisl'
import { decodeModuleUpload } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'

/** The whole argument, as upstream counts. */
const uploadBytesMax = 10 * 1024 * 1024

/** `module/upload`. Warnings about the module's SQL come as an additive `warnings`. */
export function createModuleUpload({ streams }: { readonly streams: Pick<Streams, 'uploadModule'> }): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only authenticated users can upload module')
    const limit = { bytesMax: uploadBytesMax, text: 'Module larger than 10MB maximum size.' }
    const { module } = decodeModuleUpload(argumentBytes(argument, limit))
    const { cid, warnings } = await streams.uploadModule(caller, module)
    return answer({ moduleCid: parseCid(cid), ...(warnings.length === 0 ? {} : { warnings }) })
  }
}
