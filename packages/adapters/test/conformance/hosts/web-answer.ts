import type { Answer, Broken } from '../answers.js'

/** An answer as a `Response` of the handler's own. */
export function responseOf(answer: Answer): Response {
  switch (answer.kind) {
    case 'again':
      throw new Error('the host itself sends it')
    case 'plain': {
      const headers = new Headers(answer.headers)
      for (const [name, value] of Object.entries(answer.append)) headers.append(name, value)
      return new Response(answer.body, { status: answer.status, headers })
    }
    case 'redirect':
      return answer.native
        ? Response.redirect(new URL(answer.to, 'http://localhost'))
        : new Response(null, { status: 302, headers: { Location: answer.to } })
    case 'raw':
      return new Response(answer.body, { status: answer.status, headers: answer.headers })
    case 'stream':
      return new Response(bytesOf(answer.chunks), { headers: answer.headers })
    case 'broken':
      return new Response(bytesOf(failing(answer)), {
        headers: { 'Content-Type': 'text/plain' },
      })
  }
}

async function* failing({ chunk, until, error }: Broken): AsyncGenerator<string> {
  yield chunk
  await until
  throw error
}

export function bytesOf(chunks: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await source.return?.()
    },
  })
}
