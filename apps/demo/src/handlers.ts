import type { RequestContext } from '@palisade/core'
import { checkQuery, integerText } from '@palisade/core/admin'
import { optional } from '@palisade/core/middleware'
import { notFound } from './not-found.js'
import type { Credentials, People } from './people.js'

/** `GET /public/hello` */
export const hello = (ctx: { readonly requestId: string }) => ({ hello: 'world', request_id: ctx.requestId })

/** `GET /api/slow?ms=`: answers late. @throws RequestError 422 */
export async function slow(ctx: Pick<RequestContext, 'query'>): Promise<{ waited: number }> {
  const { ms } = checkQuery(ctx as RequestContext, { ms: optional(integerText({ max: 10_000 }), 100) })
  await new Promise(resolve => setTimeout(resolve, ms))
  return { waited: ms }
}

/** `GET /api/boom`: a handler that fails. */
export function boom(): never {
  throw new Error('the demo was asked to fail')
}

/**
 * `GET /demo/credentials`: the users to try things with.
 *
 * @throws RequestError 404 where the demo keeps them secret
 */
export async function credentials(
  ctx: Pick<RequestContext, 'services' | 'setHeader'>,
  people: People,
): Promise<Credentials> {
  if (!people.tellsCredentials) throw notFound()
  ctx.setHeader('Cache-Control', 'no-store')
  return people.credentials(ctx.services.clock)
}
