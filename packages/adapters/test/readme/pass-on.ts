import { type Middleware, Reply } from '@palisade/core'

/** Passes requests on to another server. */
export function passOn(origin: string): Middleware {
  return {
    name: 'pass-on',
    async onRequest(ctx) {
      const hasBody = ctx.method !== 'GET' && ctx.method !== 'HEAD'
      const answer = await fetch(new URL(ctx.path, origin), {
        method: ctx.method,
        signal: ctx.signal,
        ...(hasBody && { body: ctx.body() as never, duplex: 'half' }),
      })
      return new Reply(answer.status, {}, answer.body as AsyncIterable<Uint8Array> | null)
    },
  }
}
