import {
  type AdminOptions,
  adminApi,
  checkFields,
  faulty,
  integerText,
  readJson,
  withQuery,
} from '@palisade/core/admin'
import {
  ConfigError,
  type Identity,
  type Middleware,
  optional,
  Reply,
  type RequestContext,
  RequestError,
} from '@palisade/core/middleware'
import { ApiKeys } from './api-keys.js'
import { LIST_QUERY, ROTATION } from './fields.js'
import { isKeyId } from './key-text.js'
import type { ApiKeyChanges, NewApiKey } from './new-key.js'

const LIMIT = 65_536
const PAGE = { ...LIST_QUERY, limit: optional(integerText({ min: 1, max: 200 }), 50) }

/**
 * A JSON API to manage keys, below `path`:
 *
 * | | |
 * |---|---|
 * | `GET /?owner&limit&cursor` | `{ success, data: ApiKeyInfo[], meta: { count, nextCursor } }` |
 * | `POST /` | 201 `{ success, data: { ...ApiKeyInfo, key } }`, where `key` is the secret |
 * | `GET /:id` | the key, or 404; 422 for what cannot be an id |
 * | `PATCH /:id`, `PUT /:id` | changes what is named; `null` takes a restriction away |
 * | `POST /:id/rotate` `{ overlap? }` | a new secret |
 * | `DELETE /:id` | revokes |
 *
 * A query that is not named here is a 422, and nothing is done.
 *
 * Closed unless `authorize` passes. A caller that passes may give a key any owner and any scope:
 * ask for a right that only administrators have.
 *
 *     pipeline()
 *       .use(authenticate({ ... }))
 *       .use(apiKeyAdmin(keys, { path: '/api-keys', authorize: requireScopes('keys:admin') }))
 *
 * @throws ConfigError for a wrong option, or without `authorize`
 */
export function apiKeyAdmin<Needs extends object = {}>(
  keys: ApiKeys,
  options: AdminOptions<Needs>,
): Middleware<Needs> {
  if (!(keys instanceof ApiKeys))
    throw new ConfigError({
      owner: 'apiKeyAdmin',
      option: 'keys',
      value: keys,
      allowed: 'what apiKeys() returns',
    })

  return adminApi('apiKeyAdmin', options, {
    '/': {
      GET: withQuery(PAGE, async (_ctx, _params, page) => {
        const { keys: data, next } = await keys.list(page)
        return Reply.json(200, {
          success: true,
          data,
          meta: { count: data.length, nextCursor: next ?? null },
        })
      }),
      POST: async ctx => {
        const { key, record } = await keys.create((await readJson(ctx, LIMIT)) as NewApiKey)
        tell(ctx, 'resource:created', record.id)
        return Reply.json(
          201,
          { success: true, data: { ...record, key } },
          { Location: `${options.path}/${record.id}` },
        )
      },
    },
    '/:id': {
      GET: async (_, params) => answer(await keys.get(idIn(params))),
      PATCH: update,
      PUT: update,
      DELETE: async (ctx, params) => {
        const id = idIn(params)
        if (!(await keys.revoke(id))) throw notFound()
        tell(ctx, 'resource:deleted', id)
        return Reply.json(200, { success: true, data: { id, revoked: true } })
      },
    },
    '/:id/rotate': {
      POST: async (ctx, params) => {
        const id = idIn(params)
        // A POST without a body asks for no overlap; one with a body is read like any other.
        const body = hasBody(ctx) ? await readJson(ctx, LIMIT) : {}
        checkFields(body, ROTATION)
        const issued = await keys.rotate(id, body as object)
        if (issued === undefined) throw notFound()
        tell(ctx, 'resource:updated', id)
        return Reply.json(200, { success: true, data: { ...issued.record, key: issued.key } })
      },
    },
  })

  async function update(ctx: RequestContext, params: Params): Promise<Reply> {
    const id = idIn(params)
    const updated = await keys.update(id, (await readJson(ctx, LIMIT)) as ApiKeyChanges)
    if (updated !== undefined) tell(ctx, 'resource:updated', id)
    return answer(updated)
  }
}

type Params = Readonly<Record<string, string>>

/**
 * What cannot be an id is a faulty field like any other, so that a mistake is not taken for a key
 * that is gone.
 */
function idIn({ id = '' }: Params): string {
  if (isKeyId(id)) return id
  throw faulty([{ field: 'id', message: 'must be the id of an API key: 16 letters and digits' }])
}

function answer(data: object | undefined): Reply {
  if (data === undefined) throw notFound()
  return Reply.json(200, { success: true, data })
}

const notFound = () => new RequestError(404, 'There is no such API key')

const hasBody = (ctx: RequestContext) =>
  ctx.header('content-type') !== undefined ||
  ctx.header('transfer-encoding') !== undefined ||
  Number(ctx.header('content-length') ?? 0) > 0

function tell(
  ctx: RequestContext,
  name: 'resource:created' | 'resource:updated' | 'resource:deleted',
  id: string,
): void {
  const { identity } = ctx.state as { identity?: Identity }
  ctx.services.events.emit(name, {
    resource: 'api-key',
    id,
    requestId: ctx.requestId,
    ...(identity !== undefined && { subject: identity.subject }),
    ...(identity?.tenant !== undefined && { tenant: identity.tenant }),
  })
}
