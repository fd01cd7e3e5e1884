import type { RequestContext } from '../contract/context.js'
import { RequestError } from '../errors/request-error.js'

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i

/**
 * The JSON body of a request that a middleware answers itself.
 *
 * Only `application/json` in UTF-8 without a content coding is read, so that no HTML form of
 * another site can send it, and no bytes are read past `limit`.
 *
 * @param limit in bytes
 * @throws RequestError 415 for another media type or a coding, 413 past the limit, 400 for what is
 * no JSON or no UTF-8
 */
export async function readJson(ctx: RequestContext, limit: number): Promise<unknown> {
  const type = ctx.header('content-type')
  if (type === undefined || !JSON_TYPE.test(type)) {
    throw new RequestError(415, 'The request body must be application/json', {
      headers: { Accept: 'application/json' },
    })
  }
  const coding = ctx.header('content-encoding')
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new RequestError(415, 'The request body must not be compressed', {
      headers: { 'Accept-Encoding': 'identity' },
    })
  }
  const bytes = await ctx.bytes(limit)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new RequestError(400, 'The request body is not valid JSON', { cause })
  }
}
