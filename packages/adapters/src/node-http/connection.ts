import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What had come of the response of a connection that died in the middle of it. */
export interface Death {
  readonly res: ServerResponse
  readonly isHeadSent: boolean
  readonly isFinished: boolean
  /** Whether it was the server that tore it. */
  readonly isTorn: boolean
}

interface Queued {
  close(): void
}

const DEATH = Symbol('palisade.death')
const QUEUE = Symbol('palisade.queue')

interface Mortal extends Socket {
  [DEATH]?: Death | null
  [QUEUE]?: Set<Queued>
  /** Node's own: the response whose turn it is. */
  _httpMessage?: ServerResponse | null
}

/**
 * Records the state of a connection's last response when the connection closes. Node informs the
 * application first, which may answer then: such an answer looks sent and finished, but no byte of
 * it reached the client. One listener serves all requests of a connection, since a client decides
 * how many there are.
 */
export function watchDeath(socket: Mortal): void {
  if (socket[DEATH] !== undefined) return
  socket[DEATH] = null
  socket.prependOnceListener('close', die)
}

/** `undefined` where the connection lived on, or died in the middle of another response. */
export function deathOf(res: ServerResponse, socket: Mortal): Death | undefined {
  const death = socket[DEATH]
  return death?.res === res ? death : undefined
}

/**
 * The requests of a watched connection whose responses wait for their turn (pipelining). Such a
 * response has no socket yet, and never closes if the socket dies meanwhile.
 */
export function queueOf(socket: Mortal): Set<Queued> {
  socket[QUEUE] ??= new Set()
  return socket[QUEUE]
}

function die(this: Mortal): void {
  const { _httpMessage: res, [QUEUE]: queue } = this
  if (res !== null && res !== undefined) {
    this[DEATH] = {
      res,
      isHeadSent: isHeadSent(res),
      isFinished: res.writableFinished,
      isTorn: res.destroyed,
    }
  }
  if (queue === undefined) return
  for (const one of queue) one.close()
  queue.clear()
}

/**
 * Whether the head has gone out. `headersSent` is true as soon as the head is composed, though it
 * waits for the first byte of the body, or, where requests are pipelined, for its turn.
 */
export function isHeadSent(res: ServerResponse): boolean {
  const { _header, _headerSent, outputData } = res as unknown as Composed
  // On HTTP/2 there is nothing but the public property, which tells the truth there.
  if (_headerSent === undefined) return res.headersSent
  if (!_headerSent || typeof _header !== 'string') return false
  return !outputData.some(({ data }) => typeof data === 'string' && data.startsWith(_header))
}

/** Node's own notes of a response on HTTP/1.1. */
interface Composed {
  readonly _header: string | null
  readonly _headerSent: boolean | undefined
  readonly outputData: readonly { readonly data: unknown }[]
}
