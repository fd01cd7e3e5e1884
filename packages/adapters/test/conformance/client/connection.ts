import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ClientRequest, HeaderLine, Live } from './client.js'

/**
 * A connection that sends whatever it is told to, and reads answers as HTTP/1.1 frames them (RFC
 * 9112 section 6.3), their lines untouched.
 */
export class Connection {
  private readonly socket: Socket
  private readonly source: AsyncIterator<Buffer>
  private buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    // A reset is an end like any other here.
    socket.on('error', () => {})
    this.source = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  static async open(port: number, options: { host: string; tls: boolean }): Promise<Connection> {
    const { host, tls } = options
    const socket = tls ? connectTls({ port, host, rejectUnauthorized: false }) : connect(port, host)
    await once(socket, tls ? 'secureConnect' : 'connect')
    return new Connection(socket)
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  send(request: ClientRequest): void {
    this.write(requestText(request))
  }

  leave(): void {
    this.socket.resetAndDestroy()
  }

  /** The next answer on this connection. Its body must be read before the one after it. */
  async receive(method = 'GET'): Promise<Live> {
    let head = await this.head()
    while (head.status >= 100 && head.status < 200 && head.status !== 101) head = await this.head()
    const { status, lines } = head
    const value = (name: string) => lines.find(([given]) => given.toLowerCase() === name)?.[1]
    if (method === 'HEAD' || status === 204 || status === 304 || status === 101)
      return { status, lines, next: async () => undefined }
    if (value('transfer-encoding')?.toLowerCase() === 'chunked') return { status, lines, next: this.chunks() }
    const length = value('content-length')
    return { status, lines, next: length === undefined ? () => this.some() : this.exactly(Number(length)) }
  }

  /** So much of what comes, as text. */
  async read(length: number): Promise<string> {
    return (await this.bytes(length)).toString('utf8')
  }

  /** Whether nothing but the end of the connection comes now. */
  async ends(): Promise<boolean> {
    return this.buffer.length === 0 && (await this.some()) === undefined
  }

  private async head(): Promise<{ status: number; lines: HeaderLine[] }> {
    const [statusLine = '', ...fields] = (await this.until('\r\n\r\n')).split('\r\n')
    const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)
    if (match === null) throw new Error(`this is no status line: ${JSON.stringify(statusLine)}`)
    const lines = fields.map((line): HeaderLine => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    return { status: Number(match[1]), lines }
  }

  private chunks(): Live['next'] {
    return async () => {
      const length = Number.parseInt(await this.until('\r\n'), 16)
      const chunk = await this.bytes(length)
      await this.until('\r\n')
      return length === 0 ? undefined : chunk.toString('utf8')
    }
  }

  private exactly(length: number): Live['next'] {
    let left = length
    return async () => {
      if (left === 0) return undefined
      const part = await this.bytes(left)
      left = 0
      return part.toString('utf8')
    }
  }

  private async some(): Promise<string | undefined> {
    if (this.buffer.length === 0 && !(await this.more())) return undefined
    const part = this.buffer
    this.buffer = Buffer.alloc(0)
    return part.toString('utf8')
  }

  private async until(mark: string): Promise<string> {
    for (let at = this.buffer.indexOf(mark); ; at = this.buffer.indexOf(mark)) {
      if (at >= 0) {
        const found = this.buffer.toString('latin1', 0, at)
        this.buffer = this.buffer.subarray(at + mark.length)
        return found
      }
      if (!(await this.more())) throw new Error('the connection ended in the middle of an answer')
    }
  }

  private async bytes(length: number): Promise<Buffer> {
    while (this.buffer.length < length)
      if (!(await this.more())) throw new Error('the connection ended in the middle of a body')
    const part = this.buffer.subarray(0, length)
    this.buffer = this.buffer.subarray(length)
    return part
  }

  private async more(): Promise<boolean> {
    try {
      const { value, done } = await this.source.next()
      if (done === true) return false
      this.buffer = Buffer.concat([this.buffer, value])
      return true
    } catch {
      return false
    }
  }
}

export function requestText({ method = 'GET', target = '/', headers = {}, body }: ClientRequest): string {
  const lines = [`${method} ${target} HTTP/1.1`]
  const names = new Set(Object.keys(headers).map(name => name.toLowerCase()))
  if (!names.has('host')) lines.push('Host: localhost')
  if (!names.has('connection')) lines.push('Connection: close')
  for (const [name, value] of Object.entries(headers))
    for (const line of [value].flat()) lines.push(`${name}: ${line}`)
  if (typeof body === 'string') {
    const bytes = Buffer.from(body, 'utf8').toString('latin1')
    if (!names.has('content-length')) lines.push(`Content-Length: ${bytes.length}`)
    return `${lines.join('\r\n')}\r\n\r\n${bytes}`
  }
  if (body === undefined) return `${lines.join('\r\n')}\r\n\r\n`
  lines.push('Transfer-Encoding: chunked')
  const parts = body.map(part => Buffer.from(part, 'utf8').toString('latin1'))
  const chunked = [...parts, ''].map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
  return `${lines.join('\r\n')}\r\n\r\n${chunked}`
}
