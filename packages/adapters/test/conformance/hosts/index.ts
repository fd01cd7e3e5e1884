import { expressHost } from './express.js'
import { fastify } from './fastify.js'
import { fetchHost } from './fetch.js'
import { hono } from './hono.js'
import { honoFetch } from './hono-fetch.js'
import type { Host } from './host.js'
import { koa } from './koa.js'
import { node } from './node.js'

/** Every host, one a line. */
export const hosts: readonly Host[] = [node, expressHost, fastify, koa, hono, honoFetch, fetchHost]
