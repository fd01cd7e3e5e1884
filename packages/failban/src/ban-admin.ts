import { randomBytes } from 'node:crypto'
import {
  type AdminOptions,
  adminApi,
  type Check,
  ConfigError,
  checkFields,
  checkQuery,
  duration,
  faulty,
  flag,
  integerText,
  type Middleware,
  oneOf,
  optional,
  Reply,
  type RequestContext,
  RequestError,
  readJson,
  refuse,
  text,
} from '@palisade/core'
import { type Ban, MANUAL, shown } from './bans/ban.js'
import { isWithin, rangeOf } from './bans/ban-id.js'
import { banReason } from './bans/ban-reason.js'
import { FailbanMiddleware } from './failban.js'
import type { Failban } from './failban-api.js'

export type BanAdminOptions<Needs extends object = {}> = AdminOptions<Needs>

const LARGEST_BODY = 16_384

/**
 * The admin API of bans: `GET`, `POST` and `DELETE` below `path`, as the README tables it. Mount it behind whatever gives `authorize` its identity.
 *
 * Fails closed: without a guard that passes, nothing is answered but a refusal. Bans never block it, so that an administrator who shares an
 * address with an attacker can lift the ban; the deny list does.
 *
 *     pipeline().use(bans).use(authenticate({ ... })).use(banAdmin(bans, { path: '/admin/security', authorize: requireScopes('security:admin') }))
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
  const api = adminApi('banAdmin', options, {
    '/bans': { GET: ctx => admin.list(ctx), POST: ctx => admin.ban(ctx) },
    '/bans/:ip': {
      GET: (_, { ip }) => admin.show(ip as string),
      DELETE: (_, { ip }) => admin.unban(ip as string),
    },
    '/stats': { GET: ctx => admin.stats(ctx) },
  })
  return { ...api, setup: services => bans.exempt(services, options.path) }
}

class BanAdmin {
  private readonly bans: FailbanMiddleware
  /** A cursor is good for this process only: the order of bans in another one is its own. */
  private readonly era = randomBytes(6).toString('base64url')

  private readonly address: Check<string> = (value, at) =>
    (typeof value === 'string' ? this.bans.idOf(value) : undefined) ?? refuse(at, value, ADDRESS)

  constructor(bans: FailbanMiddleware) {
    this.bans = bans
  }

  list(ctx: RequestContext): Reply {
    const { jail, limit, cursor } = checkQuery(
      ctx,
      {
        jail: optional(oneOf(...this.bans.jailNames)),
        limit: optional(integerText({ min: 1, max: 500 }), 50),
        cursor: optional(text({ max: 64 })),
      },
      { status: 400 },
    )
    const before = cursor === undefined ? Number.POSITIVE_INFINITY : this.positionOf(cursor)
    const { registry } = this.bans
    registry.sweep()
    const matching = registry.ledger
      .newest(Number.POSITIVE_INFINITY)
      .filter(({ record }) => jail === undefined || record.jail === jail)
    const rest = matching.filter(({ sequence }) => sequence < before)
    const page = rest.slice(0, limit)
    const last = page.at(-1)
    return Reply.json(200, {
      success: true,
      data: page.map(({ record }) => shown(record)),
      meta: {
        count: page.length,
        total: matching.length,
        nextCursor: last === undefined || rest.length === page.length ? null : this.cursorOf(last.sequence),
      },
    })
  }

  show(ip: string): Reply {
    if (this.bans.idOf(ip) === undefined) throw badAddress()
    const ban = this.bans.find(ip)
    if (ban === undefined) throw notBanned()
    return Reply.json(200, { success: true, data: ban })
  }

  async ban(ctx: RequestContext): Promise<Reply> {
    const body = checkFields(
      await readJson(ctx, LARGEST_BODY),
      {
        ip: this.address,
        reason: optional(banReason),
        duration: optional(banLength),
        jail: optional(oneOf(...this.bans.jailNames), MANUAL),
        force: optional(flag, false),
      },
      { status: 400 },
    )
    const { ip, reason: why, duration: durationMs, jail } = body
    const objection = this.objectionTo(ip, ctx, body.force)
    if (objection !== undefined) throw new RequestError(409, objection)
    const ban = await this.bans.ban(ip, {
      jail,
      ...(why !== undefined && { reason: why }),
      ...(durationMs !== undefined && { durationMs }),
    })
    const { path } = ctx
    const location = `${path.endsWith('/') ? path.slice(0, -1) : path}/${encodeURIComponent(ban.ip)}`
    return Reply.json(201, { success: true, data: ban satisfies Ban }, { Location: location })
  }

  async unban(ip: string): Promise<Reply> {
    const id = this.bans.idOf(ip)
    if (id === undefined) throw badAddress()
    const removed = await this.bans.unban(ip)
    if (removed.length === 0) throw notBanned()
    return Reply.json(200, { success: true, data: { ip: id, removed } })
  }

  stats(ctx: RequestContext): Reply {
    checkQuery(ctx, {}, { status: 400 })
    return Reply.json(200, { success: true, data: this.bans.stats() })
  }

  /** What speaks against a ban; the first ones can be overruled by `force`. */
  private objectionTo(id: string, ctx: RequestContext, isForced: boolean): string | undefined {
    const { lists, registry } = this.bans
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

  private cursorOf(sequence: number): string {
    return Buffer.from(`${this.era}.${sequence}`).toString('base64url')
  }

  private positionOf(cursor: string): number {
    const [era, sequence] = Buffer.from(cursor, 'base64url').toString().split('.')
    const position = Number(sequence)
    if (era === this.era && Number.isSafeInteger(position)) return position
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

const PERMANENT = -1
const length = duration({ min: '1s' })

const banLength: Check<number | 'permanent'> = (value, at) => {
  if (value === PERMANENT) return 'permanent'
  try {
    return length(value, at)
  } catch {
    return refuse(at, value, 'a duration such as "1h", milliseconds from 1000 on, or -1 for ever')
  }
}

const notBanned = () => new RequestError(404, 'There is no such ban')
const ADDRESS = 'an address, or a network without host bits'

const badAddress = () => faulty([{ field: 'ip', message: `must be ${ADDRESS}` }], 400)
