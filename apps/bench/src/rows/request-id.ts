import { randomUUID } from 'node:crypto'
import { type RequestContext, requestId } from '@palisade/core'
import { Context } from 'hono'
import { requestId as honoRequestId } from 'hono/request-id'
import { FIT_ID } from '../hosts/floor/headers.js'
import type { Row } from './row.js'

/** The part of a context that the middleware touches. */
class IdContext {
  readonly state: { requestId?: string } = {}
  requestId = ''
  written = ''

  header(_name: string): string | undefined {
    return undefined
  }

  setHeader(_name: string, value: string): void {
    this.written = value
  }
}

/** A new id for a request that brought none. */
export const requestIds: Row = {
  title: 'request id',
  contestants: [
    {
      name: 'palisade requestId',
      prepare() {
        const middleware = requestId()
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) {
              const ctx = new IdContext()
              middleware.onRequest?.(ctx as unknown as RequestContext<{ requestId: string }>)
              sum += ctx.written.length
            }
            return sum
          },
        }
      },
    },
    {
      name: 'by hand (randomUUID)',
      prepare: () => ({
        run(decisions) {
          let sum = 0
          for (let i = 0; i < decisions; i++) {
            const ctx = new IdContext()
            const sent = ctx.header('x-request-id')
            const id = sent !== undefined && FIT_ID.test(sent) ? sent : randomUUID()
            ctx.requestId = id
            ctx.setHeader('X-Request-ID', id)
            sum += ctx.written.length
          }
          return sum
        },
      }),
    },
    {
      name: 'hono/request-id',
      prepare() {
        const middleware = honoRequestId()
        const request = new Request('http://localhost/')
        const next = () => Promise.resolve()
        return {
          async run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) {
              const c = new Context(request)
              await middleware(c, next)
              sum += String(c.get('requestId')).length
            }
            return sum
          },
        }
      },
    },
  ],
}
