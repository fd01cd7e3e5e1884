import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Answer, Streamed } from '../answers.js'

/**
 * An answer on Node's own response: what a plain listener does, and what handlers on other hosts do
 * behind their host's back.
 */
export async function answerOnNode(res: ServerResponse, answer: Answer): Promise<void> {
  if (answer.kind === 'again') throw new Error('the host itself sends it')
  if (answer.kind === 'stream') return streamOnNode(res, answer)
  if (answer.kind === 'broken') {
    res.writeHead(200, { 'Content-Type': 'text/plain' })
    res.write(answer.chunk)
    await answer.until
    throw answer.error
  }
  if (answer.kind === 'redirect') {
    res.writeHead(302, { Location: answer.to }).end()
    return
  }
  if (answer.kind === 'raw') {
    res.writeHead(answer.status, answer.headers)
    res.end(answer.body)
    return
  }
  res.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value)
  for (const [name, value] of Object.entries(answer.append)) res.appendHeader(name, value)
  if (answer.body === null) res.end()
  else res.setHeader('Content-Length', Buffer.byteLength(answer.body)).end(answer.body)
}

async function streamOnNode(res: ServerResponse, { headers, chunks }: Streamed): Promise<void> {
  res.writeHead(200, headers)
  const left = new AbortController()
  res.once('close', () => left.abort())
  for await (const chunk of chunks) {
    if (left.signal.aborted) return
    if (!res.write(chunk)) await once(res, 'drain', { signal: left.signal }).catch(() => {})
  }
  res.end()
}
