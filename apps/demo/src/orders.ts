import { randomUUID } from 'node:crypto'
import type { Client, Row } from '@libsql/client'
import { type Identity, type RequestContext, RequestError } from '@palisade/core'
import { checkFields, checkQuery, faulty, integerText, readJson } from '@palisade/core/admin'
import { integer, optional, text } from '@palisade/core/middleware'
import { anyOf, ensure, requireOwnership, requireRole } from '@palisade/guards'
import { notFound } from './not-found.js'

export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  readonly owner: string
}

type OfTenant = { identity: Identity; filter: { readonly tenant: string } }
/** What a handler gets that stands behind `writes` or `admins` of the protection. */
export type TenantContext = RequestContext<OfTenant>
/** Behind `reads`: `own` are the rows to list, a user's own or all of the tenant. */
export type ReaderContext = RequestContext<
  OfTenant & { own: { readonly tenant: string; readonly owner?: string } }
>

const LARGEST_BODY = 16_384
const MOST_ORDERS = 1000
const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/
const isOwnerOrAdmin = anyOf(requireOwnership('owner'), requireRole('admin'))

const SCHEMA = `create table if not exists orders (
  id text primary key, tenant text not null, owner text not null, item text not null, quantity integer not null)`
const SOME: readonly (readonly [tenant: string, owner: string, item: string, quantity: number])[] = [
  ['acme', 'alan', 'anvil', 2],
  ['acme', 'alan', 'rope', 10],
  ['acme', 'ada', 'rocket skates', 1],
  ['acme', 'warehouse', 'pallet', 40],
  ['globex', 'gus', 'doomsday device', 1],
  ['globex', 'grace', 'hammock', 4],
]

/**
 * The demo's business, in a database. Every query is filtered by what the pipeline has put into
 * `state`; none takes a tenant from a client.
 */
export async function orderBook(db: Client) {
  await db.execute(SCHEMA)
  const { rows } = await db.execute('select 1 from orders limit 1')
  if (rows.length === 0) for (const one of SOME) await insert(...one)

  return {
    /**
     * `GET /api/orders?limit&after`: in the order in which they were made. @throws RequestError 422
     */
    async list(ctx: ReaderContext) {
      const { limit, after } = checkQuery(ctx as RequestContext, {
        limit: optional(integerText({ min: 1, max: 100 }), 50),
        after: optional(text({ pattern: ID, allowed: 'the "next" of the page before' })),
      })
      const { sql, args } = where(ctx.state.own)
      const { rows } = await db.execute({
        sql: `select * from orders where ${sql} and rowid > ? order by rowid limit ?`,
        args: [...args, after === undefined ? 0 : await placeOf(after, ctx.state.own), limit + 1],
      })
      const page = rows.slice(0, limit).map(orderOf)
      return { data: page, next: rows.length > limit ? page.at(-1)?.id : null }
    },

    /**
     * `GET /api/orders/:id`. @throws RequestError 404 also for another tenant's, 403 for a
     * colleague's
     */
    async show(ctx: ReaderContext, id: string): Promise<Order> {
      checkQuery(ctx as RequestContext, {})
      if (!ID.test(id)) throw notFound({ field: 'id', message: 'must be the id of an order' })
      const { sql, args } = where(ctx.state.filter)
      const { rows } = await db.execute({
        sql: `select * from orders where ${sql} and id = ?`,
        args: [...args, id],
      })
      const order = rows[0] && orderOf(rows[0])
      if (order === undefined) throw notFound()
      await ensure(isOwnerOrAdmin, ctx, order)
      return order
    },

    /**
     * `POST /api/orders`. @throws RequestError 422 naming the faulty fields; 400, 413, 415 for what
     * is no JSON; 409
     */
    async create(ctx: TenantContext): Promise<Order> {
      checkQuery(ctx as RequestContext, {})
      const { item, quantity } = checkFields(await readJson(ctx as RequestContext, LARGEST_BODY), {
        item: text({
          max: 100,
          pattern: /^(?=.*\S)[^\x00-\x1f\x7f]+$/,
          allowed: 'text of 1 to 100 characters on one line, not only spaces',
        }),
        quantity: integer({ min: 1, max: 1000 }),
      })
      const { filter, identity } = ctx.state
      const order = await insert(filter.tenant, identity.subject, item, quantity)
      if (order === undefined) throw new RequestError(409, `A tenant may have at most ${MOST_ORDERS} orders`)
      ctx.services.events.emit('resource:created', {
        resource: 'order',
        id: order.id,
        subject: identity.subject,
        tenant: filter.tenant,
        requestId: ctx.requestId,
      })
      return order
    },

    /** `GET /admin/reports`: what the tenant has ordered, by owner. */
    async report(ctx: TenantContext) {
      checkQuery(ctx as RequestContext, {})
      const { sql, args } = where(ctx.state.filter)
      const { rows } = await db.execute({
        sql: `select owner, count(*) as orders, sum(quantity) as items from orders where ${sql} group by owner order by owner`,
        args,
      })
      return {
        tenant: ctx.state.filter.tenant,
        data: rows.map(({ owner, orders, items }) => ({
          owner: String(owner),
          orders: Number(orders),
          items: Number(items),
        })),
      }
    },
  }

  async function placeOf(id: string, filter: Readonly<Record<string, string>>): Promise<number> {
    const { sql, args } = where(filter)
    const { rows } = await db.execute({
      sql: `select rowid as place from orders where ${sql} and id = ?`,
      args: [...args, id],
    })
    if (rows[0] === undefined)
      throw faulty([{ field: 'after', message: 'must be one of the orders of this list' }])
    return Number(rows[0]['place'])
  }

  /** Counted and inserted in one statement, so that two at once cannot both be the last one. */
  async function insert(
    tenant: string,
    owner: string,
    item: string,
    quantity: number,
  ): Promise<Order | undefined> {
    const id = randomUUID()
    const { rowsAffected } = await db.execute({
      sql: `insert into orders (id, tenant, owner, item, quantity)
        select ?, ?, ?, ?, ? where (select count(*) from orders where tenant = ?) < ?`,
      args: [id, tenant, owner, item, quantity, tenant, MOST_ORDERS],
    })
    return rowsAffected === 1 ? { id, item, quantity, owner } : undefined
  }
}

export type OrderBook = Awaited<ReturnType<typeof orderBook>>

/** A filter of the pipeline as a condition. Its names are the team's, its values are bound. */
function where(filter: Readonly<Record<string, string>>) {
  const columns = Object.keys(filter)
  return { sql: columns.map(column => `${column} = ?`).join(' and '), args: Object.values(filter) }
}

/** Leaves out the tenant: only callers of that tenant get the row, and they know it. */
const orderOf = ({ id, item, quantity, owner }: Row): Order => ({
  id: String(id),
  item: String(item),
  quantity: Number(quantity),
  owner: String(owner),
})
