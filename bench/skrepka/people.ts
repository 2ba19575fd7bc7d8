import { generateKeyPairSync, sign } from 'node:crypto'
import { asked, type Line, openLine, postBytes } from './line.ts'

/** Somebody with a token. */
export interface Person {
  /** 64 hex digits. */
  readonly key: string
  readonly token: string
}

/** Logins under way at a time. */
const linesMax = 64

/** Logs new people in. */
export async function logIn(port: number, count: number): Promise<Person[]> {
  const fail = (error: Error) => {
    throw error
  }
  const lines = await Promise.all(
    Array.from({ length: Math.min(count, linesMax) }, () =>
      openLine({ host: '127.0.0.1', port, onFault: fail }),
    ),
  )
  const people: Person[] = []
  let begun = 0
  const run = async (line: Line) => {
    while (begun < count) {
      begun += 1
      people.push(await logInOne(line))
    }
  }
  await Promise.all(lines.map(run))
  for (const line of lines) line.close()
  return people
}

async function logInOne(line: Line): Promise<Person> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex')
  const ask = async (path: string, fields: unknown, name: string): Promise<string> => {
    const answer: unknown = JSON.parse(await asked(line, postBytes(path, undefined, JSON.stringify(fields))))
    const value: unknown = Object.entries(answer ?? {}).find(([one]) => one === name)?.[1]
    if (typeof value !== 'string') throw new Error(`expected '${name}' in the answer of ${path}`)
    return value
  }
  const challenge = await ask('/auth/challenge', { pubkey: key }, 'challenge')
  const signature = sign(null, Buffer.from(challenge), privateKey).toString('hex')
  const fields = { pubkey: key, challenge, signature, revokeOthers: false }
  return { key, token: await ask('/auth/verify', fields, 'token') }
}
