/**
 * A server of its own process: `node <this> <host> <delay>`. Tells its parent the port, then each
 * event of its shutdown.
 */
import type { AddressInfo } from 'node:net'
import { pipeline } from '@palisade/core'
import { lifecycle } from '../../src/index.js'
import { hosts } from './hosts.js'

const [, , host = '', delay = '0'] = process.argv
const tell = (message: object) =>
  new Promise<void>(resolve => {
    process.send?.(message, () => resolve())
  })

const life = lifecycle()
const edge = pipeline()
edge.events.on('shutdown:*', (payload, event) => void tell({ event, payload }))
const start = hosts[host]
if (start === undefined) throw new Error(`there is no host "${host}"`)
const { server } = await start(life, {
  pipeline: edge,
  delay: Number(delay),
  // The clients share this machine's cores: one that is kept waiting for them must not look idle.
  linger: '5s',
  handlers: [() => tell({ event: 'handlers' })],
})
await tell({ port: (server.address() as AddressInfo).port })
