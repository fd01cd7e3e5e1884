import { connect, type Socket } from 'node:net'
import { LOOPBACK } from '../hosts/host.js'

const HEAD_END = Buffer.from('\r\n\r\n')
const OK = Buffer.from('HTTP/1.1 200 ')
const LONGEST_HEAD = 16_384

/**
 * One keep-alive connection with the same request again and again: as little work, and as little
 * garbage, as a client can make, so that the server is what is measured. No pipelining.
 */
export class Connection {
  private readonly socket: Socket
  private readonly request: Buffer
  private unread: Buffer | undefined
  private bodyLength = -1
  private answered: () => void = () => {}
  private failure: Error | undefined
  private failed: (error: Error) => void = () => {}

  private constructor(port: number, request: Buffer) {
    this.request = request
    // One buffer for all that is received, so that reading makes nothing that must be collected.
    const buffer = Buffer.allocUnsafe(LONGEST_HEAD)
    const callback = (length: number) => {
      this.read(buffer.subarray(0, length))
      return true
    }
    this.socket = connect({ port, host: LOOPBACK, noDelay: true, onread: { buffer, callback } })
    this.socket.on('error', error => this.fail(error))
    this.socket.on('close', () => this.fail(new Error('the server closed the connection')))
  }

  static open(port: number, request: Buffer): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection(port, request)
      connection.onFailure(reject)
      connection.socket.once('connect', () => resolve(connection))
    })
  }

  /** Sends one request; `answered` is called when the answer to it is whole. One at a time. */
  ask(answered: () => void): void {
    this.answered = answered
    this.socket.write(this.request)
  }

  /**
   * Who hears of an answer that is not a 200 with a Content-Length, and of a connection that
   * failed, also of one that did so before.
   */
  onFailure(failed: (error: Error) => void): void {
    this.failed = failed
    if (this.failure !== undefined) failed(this.failure)
  }

  /**
   * Sends requests for as long as `next` says so, asked before each. @throws Error as `onFailure`
   * tells it
   */
  drive(next: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = () => {
        if (next()) this.ask(send)
        else resolve()
      }
      this.onFailure(reject)
      send()
    })
  }

  close(): void {
    this.socket.destroy()
  }

  private read(chunk: Buffer): void {
    const bytes = this.unread === undefined ? chunk : Buffer.concat([this.unread, chunk])
    this.unread = undefined
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd < 0) {
      if (bytes.length > LONGEST_HEAD) this.refuse('an answer without an end of its head')
      else this.keep(bytes)
    } else if (bytes.compare(OK, 0, OK.length, 0, OK.length) !== 0) {
      this.refuse(`an answer that is no 200: ${bytes.toString('latin1', 0, 64)}`)
    } else {
      this.readBody(bytes, headEnd)
    }
  }

  private readBody(bytes: Buffer, headEnd: number): void {
    // The route answers the same body every time.
    if (this.bodyLength < 0) this.bodyLength = contentLength(bytes.toString('latin1', 0, headEnd))
    const length = headEnd + HEAD_END.length + this.bodyLength
    if (this.bodyLength < 0) this.refuse('an answer without Content-Length')
    else if (bytes.length < length) this.keep(bytes)
    else if (bytes.length > length) this.refuse('more bytes than were asked for')
    else this.answered()
  }

  /** A copy: the next read overwrites what this one gave. */
  private keep(bytes: Buffer): void {
    this.unread = Buffer.from(bytes)
  }

  private refuse(what: string): void {
    this.fail(new Error(`the load generator received ${what}`))
    this.close()
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return
    this.failure = error
    this.failed(error)
  }
}

/** -1 when the head has none. */
export function contentLength(head: string): number {
  const found = /\r\ncontent-length: *(\d{1,9})(?:\r\n|$)/i.exec(head)
  return found === null ? -1 : Number(found[1])
}
