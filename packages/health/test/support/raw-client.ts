import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** Everything received so far. */
  readonly received: string
  send(text: string): void
  /** Resolves when what was received matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>
  readonly closed: Promise<void>
  /** A reset, for one. */
  readonly errors: readonly Error[]
}

/** A connection on which every byte is the test's own. */
export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk
  })
  const closed = once(socket, 'close').then(() => {})
  const errors: Error[] = []
  socket.on('error', error => errors.push(error))
  await once(socket, 'connect')
  return {
    socket,
    get received() {
      return received
    },
    send: text => void socket.write(text),
    async until(pattern) {
      while (!pattern.test(received)) {
        const more = await Promise.race([once(socket, 'data'), closed])
        if (more === undefined && !pattern.test(received))
          throw new Error(`closed after ${JSON.stringify(received)}`)
      }
      return received
    },
    closed,
    errors,
  }
}

export const GET = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
