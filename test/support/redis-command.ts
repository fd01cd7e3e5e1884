import { connect } from 'node:net'

/**
 * Sends one command to a Redis on this machine and gives its reply as text: the line of a simple
 * reply, the content of a bulk string. The set-up needs nothing more of the protocol, and so
 * depends on no client.
 *
 * @throws Error with the server's message for an error reply, and for a connection that fails
 */
export function command(port: number, parts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8')
    socket.once('connect', () => {
      const bulk = parts.map(part => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
      socket.write(`*${parts.length}\r\n${bulk.join('')}`)
    })
    socket.on('data', (chunk: string) => {
      received += chunk
      const reply = complete(received)
      if (reply === undefined) return
      socket.destroy()
      if (reply.startsWith('-')) reject(new Error(reply.slice(1)))
      else resolve(reply)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`Redis on port ${port} closed the connection`)))
  })
}

/**
 * The reply in what was received so far, an error still with its `-`; `undefined` until all of it
 * has come.
 */
function complete(received: string): string | undefined {
  const end = received.indexOf('\r\n')
  if (end === -1) return undefined
  const line = received.slice(0, end)
  if (!line.startsWith('$')) return line.startsWith('-') ? line : line.slice(1)
  const length = Number(line.slice(1))
  if (length === -1) return ''
  const content = Buffer.from(received.slice(end + 2))
  return content.length < length + 2 ? undefined : content.subarray(0, length).toString()
}
