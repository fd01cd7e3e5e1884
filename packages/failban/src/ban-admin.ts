import { randomBytes } from 'node:crypto'
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
  type Check,
  type Checked,
  ConfigError,
  canonicalIp,
  flag,
  type Middleware,
  oneOf,
  optional,
  Reply,
  type RequestContext,
  RequestError,
  refuse,
  text,
} from '@palisade/core/middleware'
import { type Ban, MANUAL, shown } from './bans/ban.js'
import { durationOfBan } from './bans/ban-duration.js'
import { isWithin, rangeOf } from './bans/ban-id.js'
import { banReason } from './bans/ban-reason.js'
import { FailbanMiddleware } from './failban.js'
import type { Failban } from './failban-api.js'

export type BanAdminOptions<Needs extends object = {}> = AdminOptions<Needs>

const LARGEST_BODY = 16_384

/**
 * The admin API of bans: `GET`, `POST` and `DELETE` below `path`, as the README tables it. Mount it
 * behind whatever gives `authorize` its identity.
 *
 * Fails closed: without a guard that passes, nothing is answered but a refusal. Bans never block
 * it, so that an administrator who shares an address with an attacker can lift the ban; the deny
 * list does.
 *
 *     const authorize = requireScopes('security:admin')
 *     pipeline()
 *       .use(bans)
 *       .use(authenticate({ ... }))
 *       .use(banAdmin(bans, { path: '/admin/security', authorize }))
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function banAdmin<Needs extends object = {}>(
  bans: Failban,
  options: BanAdminOptions<Needs>,
): Middleware<Needs> {
  if (!(bans instanceof FailbanMiddleware))
    throw new ConfigError({
      owner: 'banAdmin',
      option: 'bans',
      value: bans,
      allowed: 'what failban() returns',
    })
  const admin = new BanAdmin(bans)
  const api = adminApi(
    'banAdmin',
    options,
    {
      '/bans': {
        GET: withQuery(admin.page, (_ctx, _params, query) => admin.list(query)),
        POST: ctx => admin.ban(ctx),
        DELETE: withQuery(admin.named, (_ctx, _params, { ip }) => admin.unban(ip)),
      },
      '/bans/:ip': {
        GET: (_, { ip }) => admin.show(ip as string),
        DELETE: (_, { ip }) => admin.unban(ip as string),
      },
      '/stats': { GET: () => admin.stats() },
    },
    { status: 400 },
  )
  return { ...api, setup: services => bans.exempt(services, options.path) }
}

class BanAdmin {
  /**
   * The queries of the routes. A network is named in one wherever its slash may not stand in a
   * path, escaped or not.
   */
  readonly page
  readonly named
  readonly #bans: FailbanMiddleware
  /** A cursor is good for this process only: the order of bans in another one is its own. */
  #drawnEra: string | undefined = undefined

  readonly #address: Check<string> = (value, at) =>
    (typeof value === 'string' ? this.#bans.idOf(value) : undefined) ?? refuse(at, value, ADDRESS)

  /**
   * The address itself and not the key of its client, as there may be bans of networks within that.
   */
  readonly #sought: Check<string> = (value, at) => {
    const id = this.#address(value, at)
    return canonicalIp(value as string) ?? id
  }

  constructor(bans: FailbanMiddleware) {
    this.#bans = bans
    this.page = {
      ip: optional(this.#sought),
      jail: optional(oneOf(...bans.jailNames)),
      limit: optional(integerText({ min: 1, max: 500 }), 50),
      cursor: optional(text({ max: 64 })),
    }
    this.named = { ip: this.#sought }
  }

  /** Drawn on first use: some runtimes have no random values while modules load. */
  get #era(): string {
    this.#drawnEra ??= randomBytes(6).toString('base64url')
    return this.#drawnEra
  }

  list({ ip, jail, limit, cursor }: Checked<BanAdmin['page']>): Reply {
    const before = cursor === undefined ? Number.POSITIVE_INFINITY : this.#positionOf(cursor)
    const { registry } = this.#bans
    registry.sweep()
    const containing = ip === undefined ? undefined : new Set(registry.containing(ip))
    const matching = registry.ledger
      .newest(Number.POSITIVE_INFINITY)
      .filter(({ ban }) => jail === undefined || ban.record.jail === jail)
      .filter(({ ban }) => containing?.has(ban) ?? true)
    const rest = matching.filter(({ sequence }) => sequence < before)
    const page = rest.slice(0, limit)
    const last = page.at(-1)
    return Reply.json(200, {
      success: true,
      data: page.map(({ ban }) => shown(registry.recordOf(ban))),
      meta: {
        count: page.length,
        total: matching.length,
        nextCursor: last === undefined || rest.length === page.length ? null : this.#cursorOf(last.sequence),
      },
    })
  }

  show(ip: string): Reply {
    if (this.#bans.idOf(ip) === undefined) throw badAddress()
    const ban = this.#bans.find(ip)
    if (ban === undefined) throw notBanned()
    return Reply.json(200, { success: true, data: ban })
  }

  async ban(ctx: RequestContext): Promise<Reply> {
    const body = checkFields(
      await readJson(ctx, LARGEST_BODY),
      {
        ip: this.#address,
        reason: optional(banReason),
        duration: optional(banLength),
        jail: optional(oneOf(...this.#bans.jailNames), MANUAL),
        force: optional(flag, false),
      },
      { status: 400 },
    )
    const { ip, reason: why, duration, jail } = body
    const objection = this.#objectionTo(ip, ctx, body.force)
    if (objection !== undefined) throw new RequestError(409, objection)
    const ban = await this.#bans.ban(ip, {
      jail,
      ...(why !== undefined && { reason: why }),
      ...(duration !== undefined && { duration }),
    })
    const { path } = ctx
    const list = path.endsWith('/') ? path.slice(0, -1) : path
    const name = encodeURIComponent(ban.ip)
    const location = ban.ip.includes('/') ? `${list}?ip=${name}` : `${list}/${name}`
    return Reply.json(201, { success: true, data: ban satisfies Ban }, { Location: location })
  }

  async unban(ip: string): Promise<Reply> {
    const id = this.#bans.idOf(ip)
    if (id === undefined) throw badAddress()
    const removed = await this.#bans.unban(ip)
    if (removed.length === 0) throw notBanned()
    return Reply.json(200, { success: true, data: { ip: id, removed } })
  }

  stats(): Reply {
    return Reply.json(200, { success: true, data: this.#bans.stats() })
  }

  /** What speaks against a ban; the first ones can be overruled by `force`. */
  #objectionTo(id: string, ctx: RequestContext, isForced: boolean): string | undefined {
    const { lists, registry } = this.#bans
    const { ip, key } = ctx.client
    if (!isForced) {
      if (key === id || [ip, key].some(name => name !== undefined && isWithin(name, id)))
        return 'That is your own address; send "force": true to ban it'
      if (lists.touchesOurs(id, registry.clock))
        return 'A trusted proxy or this server is in there; send "force": true to ban the rest'
      const { family, prefix } = rangeOf(id)
      if (prefix < (family === 4 ? 24 : 48))
        return `A network wider than ${family === 4 ? '/24' : '/48'} bans many; send "force": true to ban it`
    }
    return lists.covers(id, registry.clock)
      ? 'That address is allowed, so a ban of it would do nothing'
      : undefined
  }

  #cursorOf(sequence: number): string {
    return Buffer.from(`${this.#era}.${sequence}`).toString('base64url')
  }

  #positionOf(cursor: string): number {
    const [era, sequence] = Buffer.from(cursor, 'base64url').toString().split('.')
    const position = Number(sequence)
    if (era === this.#era && Number.isSafeInteger(position)) return position
    throw faulty(
      [
        {
          field: 'cursor',
          message: 'is no cursor of this server, or of before its restart; begin again without',
        },
      ],
      400,
    )
  }
}

/** `permanent` in the documents that this API follows. */
const FOREVER = -1
const length = durationOfBan('1s')

const banLength: Check<number | 'permanent'> = (value, at) => {
  if (value === FOREVER) return 'permanent'
  try {
    return length(value, at)
  } catch {
    return refuse(at, value, 'a duration such as "1h", milliseconds from 1000 on, or "permanent" (also -1)')
  }
}

const notBanned = () => new RequestError(404, 'There is no such ban')
const ADDRESS = 'an address, or a network without host bits'

const badAddress = () => faulty([{ field: 'ip', message: `must be ${ADDRESS}` }], 400)
