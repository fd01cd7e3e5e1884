import { Agent, request } from 'node:http'

export interface Tally {
  /** Complete answers with 200. */
  answered: number
  /** Of these, how many told the client that the connection ends. */
  told: number
  /** 503 with `Retry-After` and `Connection: close`: not processed, and said so. */
  refused: number
  /** Requests that found no listener any more. */
  unconnected: number
  /** Everything else, which must not be. */
  readonly lost: string[]
}

export interface Load {
  readonly tally: Tally
  /** Resolves when so many have been answered. */
  answered(count: number): Promise<void>
  /** No new requests; those under way go on. */
  stop(): void
  /** Resolves when every client has stopped. */
  readonly done: Promise<void>
}

/**
 * Clients with one keep-alive connection each, that ask again as soon as they are answered, until
 * the listener is closed or `stop()`. Every fourth asks for long work.
 */
export function load(port: number, clients: number, longMs: number): Load {
  const tally: Tally = { answered: 0, told: 0, refused: 0, unconnected: 0, lost: [] }
  const waiting: { count: number; resolve: () => void }[] = []
  let isStopped = false
  const client = async (index: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ms = index % 4 === 0 ? longMs : 0
    while (!isStopped) {
      const answer = await ask(port, agent, ms)
      if (answer === 'unconnected') {
        tally.unconnected++
        break
      }
      if (typeof answer === 'string') {
        tally.lost.push(answer)
        break
      }
      if (answer.status === 200 && answer.body === `worked for ${ms} ms`) {
        tally.answered++
        if (answer.closes) tally.told++
        for (const one of waiting.filter(({ count }) => tally.answered >= count)) one.resolve()
      } else if (answer.status === 503 && answer.closes && answer.retryAfter !== undefined) {
        tally.refused++
      } else {
        tally.lost.push(`${answer.status} ${answer.body}`)
        break
      }
    }
    agent.destroy()
  }
  const done = Promise.all(Array.from({ length: clients }, (_, index) => client(index))).then(() => {})
  return {
    tally,
    answered: count =>
      new Promise(resolve => {
        if (tally.answered >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    stop: () => {
      isStopped = true
    },
    done,
  }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly closes: boolean
  readonly retryAfter: string | undefined
}

function ask(port: number, agent: Agent, ms: number): Promise<Answer | string> {
  return new Promise(resolve => {
    const outgoing = request({ host: '127.0.0.1', port, path: `/work?ms=${ms}`, agent }, incoming => {
      let body = ''
      incoming.setEncoding('utf8')
      incoming.on('data', chunk => {
        body += chunk
      })
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          body,
          closes: incoming.headers.connection === 'close',
          retryAfter: incoming.headers['retry-after'],
        }),
      )
      incoming.on('error', error => resolve(`while it was answered: ${error.message}`))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ECONNREFUSED'
          ? 'unconnected'
          : `${error.code} ${error.message}${outgoing.reusedSocket ? ' on a used connection' : ''}`,
      ),
    )
    outgoing.end()
  })
}

/** What a load balancer does: asks for readiness until it is gone. */
export async function untilNotReady(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const isReady = () =>
    new Promise<boolean>(resolve => {
      request({ host: '127.0.0.1', port, path: '/ready', agent }, incoming => {
        incoming.resume().on('end', () => resolve(incoming.statusCode === 200))
      })
        .on('error', () => resolve(false))
        .end()
    })
  while (await isReady()) await new Promise(resolve => setImmediate(resolve))
  agent.destroy()
}
