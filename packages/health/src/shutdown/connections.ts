import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import { systemClock } from '@palisade/core/middleware'
import { refuseRequest, refuseUpgrade } from './refuse.js'

/** A connection that speaks HTTP/1. An upgraded connection does not count any more. */
interface Connection {
  readonly socket: Socket
  /** In flight; more than one when the client pipelines. */
  requests: number
  hasServed: boolean
  /** The response to the newest request in flight. */
  latest: ServerResponse | undefined
  /** Whether `latest` was to keep the connection, and was told to end it. */
  isTold: boolean
  idleSince: number
  /** The bytes read when the connection became idle: more bytes mean that a request is arriving. */
  idleAt: number
}

/** How long the listener must have no new connection before it is closed. */
const QUIET_MS = 20
const QUIET_TURNS = 3
/** How often that is tried: for 2 s and more in a process that is busy, or was paused. */
const QUIET_TRIES = 100

/**
 * How long a request may take to arrive when the listener is closed; less where the server gives
 * heads less.
 */
const HEAD_MS = 3000

export interface ConnectionRules {
  readonly lingerMs: number
  /** How long that moment is waited for at most. */
  readonly settleMs: number
  readonly retryAfterSeconds: number
}

/**
 * The connections of one HTTP/1 server, and how they are closed without losing a request.
 *
 * Node's own `server.close()` destroys every idle connection at once, and with it a request that is
 * on its way: between two requests a connection of a busy client is idle for a moment. Therefore
 * only the listener is closed. A connection is destroyed when it has been idle for the linger,
 * nothing has been read since, and the kernel's buffers have been looked at. A request that arrives
 * in that time is refused with 503, which says that it was not processed; a reset would leave the
 * client to guess. A request that has begun to arrive gets a few seconds to be whole: otherwise a
 * client that stalls in the middle of a head would hold the process for as long as it likes.
 *
 * Not seen: connections that are older than this object. Make it before the server has any.
 */
export class Connections {
  readonly #server: Server
  readonly #rules: ConnectionRules
  readonly #isTls: boolean
  /** Every TCP connection, those in a TLS handshake and the upgraded ones included. */
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Map<Socket, Connection>()
  /** Requests that were announced by `checkContinue`, whose listener may emit `request` in turn. */
  readonly #announced = new WeakSet<ServerResponse>()
  readonly #release: () => void
  #stage: 'serving' | 'draining' | 'settling' | 'closing' = 'serving'
  #accepted = 0
  #closedAt = 0
  #headMs = HEAD_MS
  #inFlight = 0
  #isSweeping = false
  #timer: NodeJS.Timeout | undefined
  #whenEmpty: (() => void)[] = []

  constructor(server: Server, rules: ConnectionRules) {
    this.#server = server
    this.#rules = rules
    this.#isTls = server instanceof TlsServer
    this.#release = this.#listen()
  }

  /** Requests whose response has not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * From here on every response says `Connection: close`, those under way included where their
   * headers are not sent.
   */
  drain(): void {
    if (this.#stage !== 'serving') return
    this.#stage = 'draining'
    this.#tellAll()
  }

  /**
   * Waits for a moment without new connections, in which the listener can be closed. Closing it
   * resets the connections in its backlog, which the kernel has accepted and of which Node takes
   * one a turn. A busy process needs hundreds of milliseconds for a backlog of 64. Until then no
   * response ends its connection, as the clients that it ends are the next ones to connect.
   */
  async settle(): Promise<void> {
    this.#stage = 'settling'
    for (const connection of this.#connections.values()) untell(connection)
    const until = systemClock.monotonic() + this.#rules.settleMs
    for (let tries = 0; tries < QUIET_TRIES && systemClock.monotonic() < until; tries++) {
      const before = this.#accepted
      await new Promise<void>(resolve => setTimeout(resolve, QUIET_MS).unref())
      // A turn may take longer than that, and brings one connection at most: it is turns without
      // any that tell.
      for (let i = 0; i < QUIET_TURNS; i++) await turn()
      if (this.#accepted === before) return
    }
  }

  /**
   * Takes no new connections, refuses what comes late, and closes connections as they become idle.
   */
  close(): void {
    if (this.#stage === 'closing') return
    this.#stage = 'closing'
    this.#closedAt = systemClock.monotonic()
    const { headersTimeout } = this.#server
    // 0 means no limit.
    if (headersTimeout > 0) this.#headMs = Math.min(HEAD_MS, headersTimeout)
    // Not the HTTP server's own, see above. One that never listened says so in the callback, and is
    // closed as well. Bun's HTTP servers are no net servers, and their own close leaves busy
    // connections alone.
    if (this.#server instanceof NetServer) NetServer.prototype.close.call(this.#server, () => {})
    else (this.#server as Server).close(() => {})
    this.#tellAll()
    this.#sweepSoon()
  }

  /** Resolves when no HTTP connection is left, after `close()`. */
  whenEmpty(): Promise<void> {
    return new Promise(resolve => {
      this.#whenEmpty.push(resolve)
      this.#sweepSoon()
    })
  }

  /** Closes every connection without a request in flight, also where one is arriving. */
  closeIdle(): void {
    for (const { socket, requests } of this.#connections.values()) if (requests === 0) socket.destroy()
  }

  /** Ends everything at once, upgraded connections too, and lets go of the server. */
  destroy(): void {
    this.dispose()
    for (const socket of this.#connections.keys()) socket.destroy()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    // Already closed, so that this only stops the server's own timers.
    if (this.#stage === 'closing') this.#server.close(() => {})
  }

  dispose(): void {
    clearTimeout(this.#timer)
    this.#release()
  }

  #tellAll(): void {
    for (const connection of this.#connections.values()) tell(connection)
  }

  /** A listener cannot hold a request back from the others, so `emit` is wrapped. */
  #listen(): () => void {
    const server = this.#server
    const { emit } = server
    const connections = this
    let isReleased = false
    const watched = function (this: Server, event: string, ...args: unknown[]): boolean {
      if (!isReleased && connections.#takes(event, args)) return true
      return Reflect.apply(emit, this, [event, ...args])
    }
    server.emit = watched as typeof server.emit
    const onSocket = (socket: Socket) => {
      this.#accepted++
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        if (this.#stage === 'closing') this.#sweepSoon()
      })
    }
    const onConnection = (socket: Socket) => void this.#connectionOf(socket)
    const established = this.#isTls ? 'secureConnection' : 'connection'
    server.prependListener('connection', onSocket)
    server.prependListener(established, onConnection)
    return () => {
      isReleased = true
      // Other code may have wrapped it in turn; then this one only passes on.
      if (server.emit === watched) server.emit = emit
      server.off('connection', onSocket)
      server.off(established, onConnection)
    }
  }

  /** Whether an event was dealt with here and is kept from the server's listeners. */
  #takes(event: string, args: readonly unknown[]): boolean {
    if (event === 'request') return this.#enter(args[0] as IncomingMessage, args[1] as ServerResponse, false)
    if (event === 'checkContinue' || event === 'checkExpectation')
      return this.#enter(args[0] as IncomingMessage, args[1] as ServerResponse, true)
    if (event === 'upgrade' || event === 'connect') return this.#leaveHttp(args[1] as Duplex)
    return false
  }

  #enter(req: IncomingMessage, res: ServerResponse, isWaiting: boolean): boolean {
    if (isWaiting) this.#announced.add(res)
    else if (req.headers.expect !== undefined && this.#announced.has(res)) return false
    const connection = this.#connectionOf(req.socket)
    const isLate = this.#stage === 'closing' && connection.hasServed
    // A pipelined answer is the last one of its connection only until the next request is there.
    untell(connection)
    connection.hasServed = true
    connection.latest = res
    connection.requests++
    this.#inFlight++
    res.once('close', () => this.#leave(connection, req, res))
    if (this.#stage === 'draining' || this.#stage === 'closing') tell(connection)
    if (isLate) refuseRequest(req, res, this.#rules.retryAfterSeconds, isWaiting)
    return isLate
  }

  #leave(connection: Connection, req: IncomingMessage, res: ServerResponse): void {
    // 0 when the connection has gone before its responses.
    if (connection.requests > 0) {
      connection.requests--
      this.#inFlight--
    }
    if (connection.latest === res) connection.latest = undefined
    this.#markIdle(connection)
    // The rest of an unread body belongs to this request, not to a next one.
    if (!req.complete) req.once('close', () => this.#markIdle(connection))
  }

  #markIdle(connection: Connection): void {
    connection.idleSince = systemClock.monotonic()
    connection.idleAt = connection.socket.bytesRead
    if (this.#stage === 'closing') this.#sweepSoon()
  }

  #leaveHttp(socket: Duplex): boolean {
    this.#forget(socket as Socket)
    if (this.#stage !== 'closing') return false
    refuseUpgrade(socket, this.#rules.retryAfterSeconds)
    return true
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known !== undefined) return known
    const connection: Connection = {
      socket,
      requests: 0,
      hasServed: false,
      latest: undefined,
      isTold: false,
      idleSince: systemClock.monotonic(),
      idleAt: socket.bytesRead,
    }
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#forget(socket))
    return connection
  }

  #forget(socket: Socket): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    this.#connections.delete(socket)
    this.#inFlight -= connection.requests
    connection.requests = 0
    if (this.#stage === 'closing') this.#sweepSoon()
  }

  /**
   * After the next look at the sockets: a request that has arrived already is read before its
   * connection is called idle. The time is taken before that look: a pause of this process in
   * between does not count as idleness.
   */
  #sweepSoon(): void {
    if (this.#isSweeping) return
    this.#isSweeping = true
    setImmediate(() => {
      const now = systemClock.monotonic()
      setImmediate(() => {
        this.#isSweeping = false
        if (this.#stage === 'closing') this.#sweep(now)
      })
    })
  }

  #sweep(now: number): void {
    const { lingerMs } = this.#rules
    let next = Number.POSITIVE_INFINITY
    for (const { socket, requests, idleAt, idleSince } of this.#connections.values()) {
      if (requests > 0) continue
      const idleUntil = idleSince + lingerMs
      const until =
        socket.bytesRead === idleAt ? idleUntil : Math.max(idleUntil, this.#closedAt) + this.#headMs
      const rest = until - now
      if (rest <= 0) socket.destroy()
      else next = Math.min(next, rest)
    }
    // A handshake that was begun in time is given the same time to bring a request.
    const handshakes = this.#isTls && this.#sockets.size > 0 ? this.#closedAt + lingerMs - now : 0
    if (handshakes > 0) next = Math.min(next, handshakes)
    clearTimeout(this.#timer)
    if (next !== Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#sweepSoon(), Math.ceil(next)).unref()
    if (this.#connections.size > 0 || handshakes > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}

/** Lets the connection end with its newest response, as far as that can still be said. */
function tell(connection: Connection): void {
  const { latest } = connection
  if (latest === undefined || latest.headersSent || !latest.shouldKeepAlive) return
  latest.shouldKeepAlive = false
  connection.isTold = true
}

function untell(connection: Connection): void {
  const { latest, isTold } = connection
  if (isTold && latest?.headersSent === false) latest.shouldKeepAlive = true
  connection.isTold = false
}

/** The loop looks at its sockets in between. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))
