import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** An S3-compatible server on a port of its own. It does not check signatures of version 4. */
export interface TestS3 {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly keyId: string
  readonly secret: string
  readonly pathStyle: boolean
  stop(): Promise<void>
}

/** Starts one with an empty bucket. */
export async function startS3(bucket = 'leaf-blobs'): Promise<TestS3> {
  const S3rver = loadS3rver()
  const directory = await mkdtemp(join(tmpdir(), 'leaf-s3-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    allowMismatchedSignatures: true,
    directory,
    resetOnClose: true,
    configureBuckets: [{ name: bucket }],
  })
  const { port } = await server.run()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    region: 'us-east-1',
    keyId: 'S3RVER',
    secret: 'S3RVER',
    pathStyle: true,
    stop: async () => {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

interface S3rver {
  run(): Promise<AddressInfo>
  close(): Promise<void>
}

// Old CommonJS without types; it belongs to the workspace of the oracles.
function loadS3rver(): new (options: Readonly<Record<string, unknown>>) => S3rver {
  const oracles = createRequire(
    fileURLToPath(new URL('../../../tools/oracles/package.json', import.meta.url)),
  )
  giveDes(oracles('node:crypto') as typeof import('node:crypto'))
  return oracles('s3rver') as new (
    options: Readonly<Record<string, unknown>>,
  ) => S3rver
}

// It veils the tokens of its lists with DES, which today's OpenSSL has no more; triple DES with one key thrice is the same.
function giveDes(crypto: typeof import('node:crypto')): void {
  for (const name of ['createCipheriv', 'createDecipheriv'] as const) {
    const original = crypto[name] as (algorithm: string, key: Buffer, ...rest: unknown[]) => unknown
    const patched = (algorithm: string, key: Buffer, ...rest: unknown[]) =>
      algorithm === 'des'
        ? original('des-ede3-cbc', Buffer.concat([key, key, key]), ...rest)
        : original(algorithm, key, ...rest)
    Object.assign(crypto, { [name]: patched })
  }
}
