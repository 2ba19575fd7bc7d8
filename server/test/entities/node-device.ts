/** A device in a process of its own; driven by messages of its parent. */
import { openLeaf, sqlite } from '@leaf/entities/node/leaf'
import { webSocketTransport } from '@leaf/entities/sync/websocket-transport'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { answer, createDevice, type DeviceCall } from './device.ts'

const [, , file = ':memory:'] = process.argv
const device = await createDevice(await openLeaf({ storage: sqlite(file) }), createNodeEd25519(), url =>
  webSocketTransport(new WebSocket(url)),
)
process.on('message', (message: { readonly id: number; readonly call: DeviceCall }) => {
  answer(device, message.call).then(
    value => process.send?.({ id: message.id, value }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0, value: null })
