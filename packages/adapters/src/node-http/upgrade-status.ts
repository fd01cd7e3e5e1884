import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { closeLingering } from './unread-body.js'

/** What is known of an upgrade by what was written on its socket. */
export interface UpgradeStatus {
  /** Of the status line, once it was written. */
  readonly status: number | undefined
}

const STATUS = Symbol('palisade.upgrade-status')

interface Watched extends Duplex {
  [STATUS]?: { status: number | undefined }
}

/** Whether Node, or a plugin that injects WebSockets, gave the request to `upgrade` listeners. */
export function isUpgrade(req: IncomingMessage): boolean {
  // The type leaves it out. `injectWS` of @fastify/websocket makes a plain object without a socket.
  const { upgrade, socket } = req as IncomingMessage & { upgrade?: unknown; socket?: unknown }
  return upgrade === true || (socket === undefined && req.headers.upgrade !== undefined)
}

/**
 * Reads the status line that is written first on an upgrade's socket, by a listener, a plugin or
 * us: Node has no part in that answer. A socket that was refused is closed once the refusal is
 * written. Otherwise a client that writes after the refusal and exits would leave the socket half
 * open for ever, since Node stops reading it.
 */
export function watchUpgrade(socket: Duplex): UpgradeStatus {
  const watched = socket as Watched
  const known = watched[STATUS]
  if (known !== undefined) return known
  const upgrade: { status: number | undefined } = { status: undefined }
  watched[STATUS] = upgrade
  // While a middleware waits, @hono/node-ws has no listener, and a reset would end the process.
  socket.on('error', () => {})
  readStatus(socket, status => {
    upgrade.status = status
    if (status !== SWITCHING_PROTOCOLS) socket.once('finish', () => closeLingering(socket))
  })
  return upgrade
}

const SWITCHING_PROTOCOLS = 101

/**
 * For a response that was made for an upgrade: no server ends the socket when the response is
 * written.
 */
export function endWithResponse(socket: Duplex, res: ServerResponse): void {
  watchUpgrade(socket)
  res.once('finish', () => socket.end())
}

function readStatus(socket: Duplex, tell: (status: number) => void): void {
  const { write, end } = socket
  let line = ''
  const look = (chunk: unknown) => {
    if (line.length >= STATUS_END) return
    if (typeof chunk === 'string') line += chunk.slice(0, STATUS_END)
    else if (chunk instanceof Uint8Array) line += Buffer.from(chunk).toString('latin1', 0, STATUS_END)
    if (line.length < STATUS_END) return
    // All that follows is the protocol's own, and may be much.
    if (socket.write === looking.write) socket.write = write
    if (socket.end === looking.end) socket.end = end
    const status = /^HTTP\/1\.\d (\d{3})/.exec(line)?.[1]
    if (status !== undefined) tell(Number(status))
  }
  const looking = {
    write(this: Duplex, ...args: unknown[]) {
      look(args[0])
      return Reflect.apply(write, this, args)
    },
    end(this: Duplex, ...args: unknown[]) {
      look(args[0])
      return Reflect.apply(end, this, args)
    },
  } as Pick<Duplex, 'write' | 'end'>
  Object.assign(socket, looking)
}

const STATUS_END = 'HTTP/1.1 101'.length
