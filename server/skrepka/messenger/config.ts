/** Where the messenger is served: on an origin of its own, so that no other page of this house can reach its keys. */
import { httpUrl, setting, type ValuesOf } from '../../kernel/config.ts'
import { type ListenAddress, listenAddress } from '../../kernel/http/listen-address.ts'

const listenOrOff = (input: string): ListenAddress | 'off' => (input === 'off' ? input : listenAddress(input))

export const messengerSettings = {
  listen: setting<ListenAddress | 'off' | 'next'>(listenOrOff, {
    name: 'SKREPKA_MESSENGER_LISTEN',
    doc: 'Where the web messenger listens: `3335`, `127.0.0.1:3335`, or `off`. It has an origin of its own: in production give it a host name of its own at your proxy.',
    fallback: { development: 'next', production: 'off' },
    defaultText: 'in development the port after that of the house (or a free one), in production `off`',
    example: '127.0.0.1:3335',
  }),
  url: setting<string | undefined>(httpUrl, {
    name: 'SKREPKA_MESSENGER_URL',
    doc: 'The address under which people find the messenger, for links to it.',
    fallback: undefined,
    defaultText: 'in development `http://localhost` with its port',
    example: 'https://mail.example.org',
  }),
}
export type MessengerSettings = ValuesOf<typeof messengerSettings>
