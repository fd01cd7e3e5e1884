import { connect } from 'node:net'
import { checkOptions, integer, text } from '@palisade/core/middleware'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

export interface TcpOptions extends CommonOptions {
  host: string
  port: number
}

/**
 * Whether something accepts connections at an address. The connection is closed at once, and nothing is sent; a server that accepts and then
 * answers nobody passes, so what speaks a protocol is better asked in it.
 *
 * @throws ConfigError
 */
export function tcp(options: TcpOptions): Check {
  const checked = checkOptions('tcp', options, {
    ...dependencyShape('tcp'),
    host: text({ max: 253, pattern: /^[\w.:%-]+$/, allowed: 'a host name or an address without its port' }),
    port: integer({ min: 1, max: 65_535 }),
  })
  const { host, port } = checked
  return checkOf(
    checked,
    signal =>
      new Promise<void>((resolve, reject) => {
        const socket = connect({ host, port })
        const abort = () => socket.destroy(signal.reason as Error)
        signal.addEventListener('abort', abort, { once: true })
        socket.once('connect', () => {
          socket.destroy()
          resolve()
        })
        socket.once('error', reject)
        socket.once('close', () => signal.removeEventListener('abort', abort))
      }),
  )
}
