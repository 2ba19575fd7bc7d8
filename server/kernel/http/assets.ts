import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../errors.ts'
import type { Route } from './route.ts'

export interface Assets {
  readonly route: Route
  /** Where `name` is served: with the hash of its bytes in the path, so that browsers may keep it forever. Throws when there is no such file. */
  url(name: string): string
}

interface Asset {
  readonly bytes: Buffer
  /** Absent where packing does not pay. */
  readonly packed: Buffer | undefined
  readonly type: string
  readonly tag: string
}

/** A folder of assets is held in memory, so it must be small. */
const filesMax = 200
const bytesMax = 8 * 1024 * 1024

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
}

/**
 * Serves the files of one folder (no subfolders) below `prefix` (`/assets`), from memory: under their name, asking the
 * browser to check, and under `<hash>/<name>`, to be kept forever.
 */
export async function createAssets(options: {
  readonly folder: URL
  readonly prefix: string
}): Promise<Assets> {
  const { prefix } = options
  const assets = await load(options.folder)
  const paths = new Map<string, { readonly asset: Asset; readonly immutable: boolean }>()
  for (const [name, asset] of assets) {
    paths.set(`${prefix}/${name}`, { asset, immutable: false })
    paths.set(`${prefix}/${asset.tag}/${name}`, { asset, immutable: true })
  }
  return {
    route: {
      path: `${prefix}/*`,
      methods: ['GET'],
      handle: (request, response) => {
        const found = paths.get((request.url ?? '').replace(/\?.*$/, ''))
        if (found === undefined) throw new Refusal('missing', 'there is no such file')
        answerAsset(request, response, found.asset, found.immutable)
      },
    },
    url: name => {
      const asset = assets.get(name)
      if (asset === undefined) throw new Error(`there is no asset ${name}`)
      return `${prefix}/${asset.tag}/${name}`
    },
  }
}

async function load(folder: URL): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>()
  let total = 0
  for (const name of (await readdir(folder)).toSorted()) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const bytes = await readFile(new URL(name, folder))
    total += bytes.length
    if (assets.size >= filesMax || total > bytesMax)
      throw new Error(`${folder.pathname} holds too much to be served from memory`)
    const packed = await promisify(gzip)(bytes)
    assets.set(name, {
      bytes,
      packed: packed.length < bytes.length * 0.9 ? packed : undefined,
      type,
      tag: createHash('sha256').update(bytes).digest('hex').slice(0, 12),
    })
  }
  return assets
}

function answerAsset(
  request: IncomingMessage,
  response: ServerResponse,
  asset: Asset,
  immutable: boolean,
): void {
  const packed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')) ? asset.packed : undefined
  const etag = `"${asset.tag}${packed === undefined ? '' : '-gz'}"`
  const headers = {
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'public, no-cache',
    etag,
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
  }
  if (request.headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true) {
    response.writeHead(304, headers).end()
    return
  }
  const body = packed ?? asset.bytes
  response.writeHead(200, {
    ...headers,
    'content-type': asset.type,
    'content-length': body.length,
    ...(packed === undefined ? {} : { 'content-encoding': 'gzip' }),
  })
  response.end(body)
}
