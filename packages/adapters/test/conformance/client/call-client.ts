import { bytesOf } from '../hosts/web-answer.js'
import { type Answered, type Client, type ClientRequest, type Exchange, type Live, whole } from './client.js'

/**
 * A client of something that takes a `Request` and gives a `Response`: what a runtime with `fetch`
 * does with its connections, done by call.
 */
export function callClient(serve: (request: Request) => Promise<Response>): Client {
  const start = (request: ClientRequest): Exchange & { readonly leave: () => void } => {
    const client = new AbortController()
    let live: (Live & { cancel(): void }) | undefined
    const head = serve(requestOf(request, client.signal)).then(response => {
      live = liveOf(response, request.method === 'HEAD')
      if (client.signal.aborted) live.cancel()
      return live
    })
    head.catch(() => {})
    return {
      head,
      leave() {
        client.abort()
        live?.cancel()
      },
    }
  }
  return {
    port: 0,
    connect: () => Promise.reject(new Error('there is no connection to open: declare `needs: ["socket"]`')),
    start,
    async send(request: ClientRequest): Promise<Answered> {
      const live = await start(request).head
      const { body, complete } = await whole(live)
      return { status: live.status, lines: live.lines, body, complete, closed: undefined }
    },
  }
}

function requestOf(
  { method = 'GET', target = '/', headers = {}, body }: ClientRequest,
  signal: AbortSignal,
): Request {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers))
    for (const line of [value].flat()) fields.append(name, line)
  const init: RequestInit & { duplex?: 'half' } = { method, headers: fields, signal, redirect: 'manual' }
  if (typeof body === 'string') {
    init.body = body
    if (!fields.has('content-length')) fields.set('content-length', String(Buffer.byteLength(body)))
  } else if (body !== undefined) {
    init.body = bytesOf(parts(body))
    init.duplex = 'half'
  }
  return new Request(target.startsWith('http') ? target : `http://localhost${target}`, init)
}

async function* parts(body: readonly string[]): AsyncGenerator<string> {
  yield* body
}

/** What a server sends of a response: nothing of the body when the question was HEAD. */
function liveOf(response: Response, isHead: boolean): Live & { cancel(): void } {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  return {
    status: response.status,
    lines: [...response.headers],
    async next() {
      const part = isHead ? undefined : await reader?.read()
      return part === undefined || part.done ? undefined : decoder.decode(part.value, { stream: true })
    },
    cancel() {
      reader?.cancel().catch(() => {})
    },
  }
}
