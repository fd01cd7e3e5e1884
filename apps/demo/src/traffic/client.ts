import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** What became of a request, as the closing table says it. */
export type Fate = 'let through' | 'limited' | 'refused' | 'banned' | 'failed'

export interface Answer {
  readonly fate: Fate
  readonly status: number
  readonly text: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/**
 * One client with an address of its own. A demo that trusts no proxy sees the address of the
 * socket: all of 127.0.0.0/8 is this machine, on Linux at least. A demo that trusts this machine
 * reads `X-Forwarded-For` instead.
 */
export class TrafficClient {
  /** What it may be known by. */
  readonly addresses: readonly string[]
  readonly #origin: URL
  readonly #forwarded: string
  readonly #agent: Agent

  constructor(origin: URL, { socket, forwarded }: { socket?: string | undefined; forwarded: string }) {
    this.addresses = [socket ?? '127.0.0.1', forwarded]
    this.#origin = origin
    this.#forwarded = forwarded
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ...(socket && { localAddress: socket }) })
  }

  ask(path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
    const { hostname, port } = this.#origin
    const json = body === undefined ? {} : { 'Content-Type': 'application/json' }
    return new Promise(resolve => {
      const outgoing = request(
        {
          // An address of its own is one of IPv4; one of IPv6 is written in brackets in a URL only.
          hostname: hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[(.*)\]$/, '$1'),
          port,
          path,
          method,
          agent: this.#agent,
          headers: { ...json, ...headers, 'X-Forwarded-For': this.#forwarded },
        },
        incoming => {
          let text = ''
          incoming.setEncoding('utf8')
          incoming.on('data', (part: string) => {
            text += part
          })
          const status = incoming.statusCode ?? 0
          incoming.on('end', () => resolve({ fate: fateOf(status, incoming.headers), status, text }))
          incoming.on('error', failed)
        },
      )
      const failed = (error: Error) => resolve({ fate: 'failed', status: 0, text: error.message })
      outgoing.on('error', failed)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Of the refusals with 403 only a ban says when it ends. */
function fateOf(status: number, headers: IncomingHttpHeaders): Fate {
  if (status === 403 && headers['retry-after'] !== undefined) return 'banned'
  if (status === 429) return 'limited'
  if (status >= 500) return 'failed'
  return status >= 400 ? 'refused' : 'let through'
}
