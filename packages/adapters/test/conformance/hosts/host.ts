import type { IncomingMessage } from 'node:http'
import type { Pipeline } from '@palisade/core'
import { type Answer, type Handler, perform, type View } from '../answers.js'
import type { App, Mount, Need, Rewrite, Route } from '../behaviour.js'
import type { Client } from '../client/client.js'
import type { Probe } from '../probe.js'

/**
 * A host: one file that tells how it mounts an edge and answers in its own idiom, and one line in
 * `hosts/index.ts`.
 */
export interface Host {
  readonly name: string
  /** What it has not, and why. */
  readonly lacks: Readonly<Partial<Record<Need, string>>>
  start(scene: Scene): Promise<Running>
}

/** A behaviour, ready to be mounted. */
export interface Scene {
  readonly edge: Pipeline<object>
  readonly branches: Readonly<Record<string, Pipeline<object>>>
  readonly neighbour: Pipeline<object> | undefined
  readonly app: App
  readonly probe: Probe
}

export interface Running {
  readonly client: Client
  close(): Promise<void>
}

export function routesOf(app: App): readonly Route[] {
  if (app.routes !== undefined) return app.routes
  const handler: Handler = { kind: 'plain', status: 200, headers: TEXT, append: {}, body: 'ok' }
  return app.mounts === undefined ? [{ method: 'GET', path: '/', handler, through: [] }] : []
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

/** How often the edge is mounted. */
export function times({ edge = 'once' }: App): number {
  return edge === 'never' ? 0 : edge === 'twice' ? 2 : 1
}

/** Changes Node's request in place, as middleware of Node does. */
export function rewriteNode(req: IncomingMessage, rewrite: Rewrite): void {
  const header = (name: string) => req.headers[name] as string | undefined
  const change = rewrite({ method: req.method ?? '', target: req.url ?? '', header })
  if (change === undefined) return
  if (change.method !== undefined) req.method = change.method
  if (change.target !== undefined) req.url = change.target
  Object.assign(req.headers, change.headers)
}

/** Another request with the changes; `undefined` if nothing changes. */
export function rewrittenRequest(request: Request, rewrite: Rewrite): Request | undefined {
  const url = new URL(request.url)
  const header = (name: string) => request.headers.get(name) ?? undefined
  const change = rewrite({ method: request.method, target: url.pathname + url.search, header })
  if (change === undefined) return undefined
  const headers = new Headers(request.headers)
  for (const [name, value] of Object.entries(change.headers ?? {})) headers.set(name, value)
  const target = new URL(change.target ?? url, url)
  return new Request(target, { method: change.method ?? request.method, headers })
}

export function named<T>(from: Readonly<Record<string, T>>, name: string): T {
  const found = from[name]
  if (found === undefined) throw new Error(`the behaviour has no branch "${name}"`)
  return found
}

/** What a handler of this request can see. */
export function viewOf(
  { probe }: Scene,
  request: { state: () => object } & Pick<View, 'context' | 'report' | 'body'>,
): View {
  return {
    probe,
    body: request.body,
    context: request.context,
    report: request.report,
    state: () => request.state() as Readonly<Record<string, unknown>>,
  }
}

export function performIn(
  scene: Scene,
  handler: Handler,
  request: Parameters<typeof viewOf>[1],
): Answer | Promise<Answer> {
  return perform(handler, viewOf(scene, request))
}

/** For hosts without a router: every route with its whole path and all branches in front of it. */
export function flatten(app: App): readonly Route[] {
  const below = ({ at, routes, mounts = [], through = [] }: Mount): Route[] =>
    [...routes, ...mounts.flatMap(below)].map(route => ({
      ...route,
      path: `${at}${route.path === '/' ? '' : route.path}`,
      through: [...through, ...route.through],
    }))
  return [...routesOf(app), ...(app.mounts ?? []).flatMap(below)]
}

/** The plainest router there is. */
export function matches(route: Route, method: string, path: string): boolean {
  const wanted = route.path.split('/')
  const given = path.split('/')
  return (
    (route.method === method || (method === 'HEAD' && route.method === 'GET')) &&
    wanted.length === given.length &&
    wanted.every((segment, i) => segment.startsWith(':') || segment === given[i])
  )
}
