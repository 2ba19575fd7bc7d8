/** The known lexicons as checks, each compiled when first needed. */
import { type Fault, fault } from './faults.ts'
import type { ReadLexicon } from './lexicon-files.ts'
import type { LexiconDefinition, LexiconMethod, LexiconParams } from './lexicon-types.ts'
import { type Check, checkOf } from './schema.ts'

/** What a lexicon says of a record's collection. */
export interface RecordSchema {
  /** `tid`, `nsid`, `any`, `literal:…`. */
  readonly key: string
  readonly check: Check
}

/** What a lexicon says of a method. */
export interface MethodSchema {
  readonly type: LexiconMethod['type']
  readonly parameters: LexiconParams | undefined
  /** `application/json`, `*\/*`, … of the body it takes; undefined: none. */
  readonly inputEncoding: string | undefined
  /** Looks at a JSON body and fills in defaults. */
  readonly checkInput: Check | undefined
  /** Checks of its parameters by name, each of one value; of an item for arrays. */
  readonly checkParam: ReadonlyMap<string, Check>
}

export interface Lexicons {
  /** The collection's schema; undefined when no lexicon is known. */
  record(collection: string): RecordSchema | undefined
  /** The method's schema; undefined when no lexicon is known. */
  method(nsid: string): MethodSchema | undefined
}

export function createLexicons(read: ReadLexicon): Lexicons {
  const records = new Map<string, RecordSchema>()
  const methods = new Map<string, MethodSchema>()
  const compilers = { strict: createCompiler(read, false), filling: createCompiler(read, true) }

  return {
    record: collection => {
      const known = records.get(collection)
      if (known !== undefined) return known
      const definition = read(collection)?.defs['main']
      if (definition?.type !== 'record') return undefined
      const check = compilers.strict(collection)
      const schema: RecordSchema = { key: definition.key ?? 'any', check }
      records.set(collection, schema)
      return schema
    },
    method: nsid => {
      const known = methods.get(nsid)
      if (known !== undefined) return known
      const definition = read(nsid)?.defs['main']
      if (definition === undefined || !isMethod(definition)) return undefined
      const schema = methodSchema(definition, nsid, compilers.filling)
      methods.set(nsid, schema)
      return schema
    },
  }
}

function isMethod(definition: LexiconDefinition): definition is LexiconMethod {
  return definition.type === 'query' || definition.type === 'procedure' || definition.type === 'subscription'
}

function methodSchema(
  method: LexiconMethod,
  nsid: string,
  resolve: (reference: string) => Check,
): MethodSchema {
  const context = { nsid, resolve, fillDefaults: true }
  const parameters = Object.entries(method.parameters?.properties ?? {})
  return {
    type: method.type,
    parameters: method.parameters,
    inputEncoding: method.input?.encoding,
    checkInput: method.input?.schema === undefined ? undefined : checkOf(method.input.schema, context),
    checkParam: new Map(parameters.map(([name, type]) => [name, checkOf(type, context)])),
  }
}

/** The check of a full reference, compiled once; an object that a reference leads to may say its own `$type`. */
function createCompiler(read: ReadLexicon, fillDefaults: boolean): (reference: string) => Check {
  const compiled = new Map<string, Check>()
  const resolve = (reference: string): Check => {
    const known = compiled.get(reference)
    if (known !== undefined) return known
    const [nsid = '', name = 'main'] = reference.split('#')
    const definition = read(nsid)?.defs[name]
    const check = compile(definition, nsid)
    const typed: Check = definition?.type === 'object' ? withType(reference, check) : check
    compiled.set(reference, typed)
    return typed
  }
  const compile = (definition: LexiconDefinition | undefined, nsid: string): Check => {
    const context = { nsid, resolve, fillDefaults }
    if (definition === undefined) return () => fault(`Unknown lexicon type: ${nsid}`)
    if (definition.type === 'record') return withType(nsid, checkOf(definition.record, context))
    if (isMethod(definition)) return () => fault(`${nsid} is not a type`)
    return checkOf(definition, context)
  }
  return resolve
}

function withType(name: string, check: Check): Check {
  return (value): Fault | undefined => {
    const type = typeof value === 'object' && value !== null && '$type' in value ? value.$type : undefined
    if (type !== undefined && type !== name && type !== `${name}#main`) {
      return { message: `Expected ${JSON.stringify(name)} (got ${JSON.stringify(type)})`, path: ['$type'] }
    }
    return check(value)
  }
}
