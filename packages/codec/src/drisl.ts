/**
 * DRISL, the deterministic CBOR of DASL: what is signed, hashed and sent. It owns the values, one strict decoder and one
 * encoder; what the values mean is not its matter. Own code, because events tell 2 from 2.0 and carry 64-bit integers,
 * which no library of JavaScript keeps apart. https://dasl.ing/drisl.html
 */
export {
  type DrislCid,
  type DrislFloat,
  type DrislInput,
  type DrislMap,
  type DrislValue,
  type RawDrisl,
  cidOf,
  cidText,
  float,
  isArray,
  isCid,
  isFloat,
  isMap,
  linkTo,
  parseCid,
  rawDrisl,
} from './drisl-value.ts'
export { type DecodeDrislOptions, decodeDrisl, drislDepthMax } from './drisl-decode.ts'
export { compareKeys, encodeDrisl } from './drisl-encode.ts'
