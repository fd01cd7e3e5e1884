import { connect } from 'node:net'
import { checkOptions, integer, text } from '@palisade/core/middleware'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

export interface TcpOptions extends CommonOptions {
  host: string
  port: number
}

/**
 * Whether a server accepts connections at an address. The connection is closed at once, and nothing
 * is sent. A server that accepts connections but answers no request passes: if it speaks a
 * protocol, check it through that protocol.
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
