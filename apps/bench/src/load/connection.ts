import { connect, type Socket } from 'node:net'
import { LOOPBACK } from '../hosts/host.js'

const HEAD_END = Buffer.from('\r\n\r\n')
const OK = Buffer.from('HTTP/1.1 200 ')
const LONGEST_HEAD = 16_384

/**
 * One keep-alive connection that sends the same request again as soon as the answer to the last one is whole: as little work as a client can
 * do, so that the server is what is measured. No pipelining.
 */
export class Connection {
  private readonly socket: Socket
  private readonly request: Buffer
  private unread: Buffer | undefined
  private bodyLength = -1
  private next: () => boolean = () => false
  private resolve: () => void = () => {}
  private reject: (error: Error) => void = () => {}

  private constructor(socket: Socket, request: Buffer) {
    this.socket = socket
    this.request = request
    socket.setNoDelay(true)
    socket.on('data', chunk => this.read(chunk))
    socket.on('error', error => this.reject(error))
    socket.on('close', () => this.reject(new Error('the server closed the connection')))
  }

  static open(port: number, request: Buffer): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, LOOPBACK)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket, request))
      })
    })
  }

  /**
   * Sends requests for as long as `next` says so, asked before each.
   *
   * @throws Error for an answer that is not a 200 with a Content-Length, and when the connection fails
   */
  drive(next: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.next = next
      this.resolve = resolve
      this.reject = reject
      this.send()
    })
  }

  close(): void {
    this.socket.destroy()
  }

  private send(): void {
    if (this.next()) this.socket.write(this.request)
    else this.resolve()
  }

  private read(chunk: Buffer): void {
    const bytes = this.unread === undefined ? chunk : Buffer.concat([this.unread, chunk])
    this.unread = undefined
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd < 0) {
      if (bytes.length > LONGEST_HEAD) this.fail('an answer without an end of its head')
      else this.unread = bytes
    } else if (bytes.compare(OK, 0, OK.length, 0, OK.length) !== 0) {
      this.fail(`an answer that is no 200: ${bytes.toString('latin1', 0, 64)}`)
    } else {
      this.readBody(bytes, headEnd)
    }
  }

  private readBody(bytes: Buffer, headEnd: number): void {
    // The route answers the same body every time.
    if (this.bodyLength < 0) this.bodyLength = contentLength(bytes.toString('latin1', 0, headEnd))
    const length = headEnd + HEAD_END.length + this.bodyLength
    if (this.bodyLength < 0) this.fail('an answer without Content-Length')
    else if (bytes.length < length) this.unread = bytes
    else if (bytes.length > length) this.fail('more bytes than were asked for')
    else this.send()
  }

  private fail(what: string): void {
    this.reject(new Error(`the load generator received ${what}`))
    this.close()
  }
}

/** -1 when the head has none. */
export function contentLength(head: string): number {
  const found = /\r\ncontent-length: *(\d{1,9})(?:\r\n|$)/i.exec(head)
  return found === null ? -1 : Number(found[1])
}
