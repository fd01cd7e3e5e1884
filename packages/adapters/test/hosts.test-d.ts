import type { IncomingMessage } from 'node:http'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { type Identity, type Middleware, pipeline, requestId } from '@palisade/core'
import type { Request as ExpressRequest } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Context as HonoContext } from 'hono'
import type { Context as KoaContext } from 'koa'
import { expectTypeOf, test } from 'vitest'

declare const login: Middleware<{}, { identity: Identity }>
declare const role: Middleware<{ identity: Identity }, { role: string }>

const edge = pipeline().use(requestId()).use(login)
const branch = edge.branch().use(role)
type State = { requestId: string; identity: Identity }

test('state(req) is what the pipeline gave, on each host', () => {
  expectTypeOf(toExpress(edge).state({} as ExpressRequest)).toEqualTypeOf<State>()
  expectTypeOf(toFastify(edge).state({} as FastifyRequest)).toEqualTypeOf<State>()
  expectTypeOf(toHono(edge).state({} as HonoContext)).toEqualTypeOf<State>()
  expectTypeOf(toKoa(edge).state({} as KoaContext)).toEqualTypeOf<State>()
  expectTypeOf(toNode(edge, () => {}).state({} as IncomingMessage)).toEqualTypeOf<State>()
  expectTypeOf(toFetch(edge, () => new Response()).state({} as Request)).toEqualTypeOf<State>()
})

test('the context of a handler has the state too', () => {
  toNode(edge, (_req, _res, ctx) => expectTypeOf(ctx.state).toEqualTypeOf<State>())
  toFetch(edge, (_request, ctx) => {
    expectTypeOf(ctx.state).toEqualTypeOf<State>()
    return new Response()
  })
  expectTypeOf(toExpress(edge).context({} as ExpressRequest).state).toEqualTypeOf<State>()
})

test('a branch has the state of its parent and its own', () => {
  expectTypeOf(toExpress(branch).state({} as ExpressRequest)).toEqualTypeOf<{
    requestId: string
    identity: Identity
    role: string
  }>()
  expectTypeOf(toHono(branch).state({} as HonoContext).identity).toEqualTypeOf<Identity>()
})

test('a branch that needs what its parent does not give does not compile', () => {
  // @ts-expect-error no identity in front of it
  toExpress(pipeline().branch().use(role))
})

test('what the platform gives is typed through to the handler and to peer', () => {
  interface Info {
    readonly address: string
  }
  const serve = toFetch(edge, (_request, _ctx, info: Info) => new Response(info.address), {
    peer: (_request, info) => info.address,
  })
  expectTypeOf(serve).parameter(1).toEqualTypeOf<Info>()
})
