/**
 * The process of `reference-pds.ts`: the reference PDS and the reference PLC directory, until the parent goes away.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { envToCfg, envToSecrets, PDS, readEnv } from '@atproto/pds'
import { Database as PlcDatabase, PlcServer } from '@did-plc/server'
import { freePorts } from './ports.ts'

const folder = await mkdtemp(join(tmpdir(), 'reference-pds-'))
await mkdir(join(folder, 'blobs'))
const [port = 0, plcPort = 0] = await freePorts(2)

const plc = PlcServer.create({ db: PlcDatabase.mock(), port: plcPort })
await plc.start()
// By name: the reference refuses to fetch from a bare address.
const plcUrl = `http://localhost:${plcPort}`

const defaults = {
  PDS_PORT: String(port),
  PDS_DATA_DIRECTORY: folder,
  PDS_BLOBSTORE_DISK_LOCATION: join(folder, 'blobs'),
  PDS_BLOBSTORE_DISK_TMP_LOCATION: join(folder, 'blobs-tmp'),
  PDS_BLOB_UPLOAD_LIMIT: String(100 * 1024 * 1024),
  PDS_DID_PLC_URL: plcUrl,
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_ENABLE_DID_DOC_WITH_SESSION: 'true',
  PDS_DISABLE_SSRF_PROTECTION: 'true',
  PDS_JWT_SECRET: randomBytes(16).toString('hex'),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: randomBytes(32).toString('hex'),
}
for (const [name, value] of Object.entries(defaults)) process.env[name] ??= value

const env = readEnv()
const pds = await PDS.create(envToCfg(env), envToSecrets(env))
pds.ctx.mailer.transporter.use('stream', (mail, done) => {
  const { to, html, text } = mail.data
  process.send?.({ to: JSON.stringify(to), text: `${typeof text === 'string' ? text : ''}\n${String(html)}` })
  done()
})
await pds.start()

const stop = async () => {
  await pds.destroy()
  await plc.destroy()
  await rm(folder, { recursive: true, force: true })
  process.exit(0)
}
process.once('SIGTERM', () => void stop())
process.once('disconnect', () => void stop())
process.send?.({ url: `http://localhost:${port}`, plcUrl })
