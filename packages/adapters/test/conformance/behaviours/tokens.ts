/** Where tokens may be, and what becomes of those that do not fit: the same on every host. */

import { createHmac } from 'node:crypto'
import { authenticate, bearer, cookie, jwt, query, subprotocol } from '@palisade/auth'
import { type Logger, requestId } from '@palisade/core'
import { accessLog } from '@palisade/metrics'
import { text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'
import { refusal, same, still } from '../refusal.js'

const SECRET = 'a secret of thirty-two characters'
const FAR = 32_503_680_000
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims: object = {}): string {
  const payload = { iss: 'shop', aud: 'orders', sub: 'ada', exp: FAR, ...claims }
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

const options = { issuer: 'shop', audience: 'orders', secret: SECRET, algorithms: ['HS256'] }
const everywhere = () =>
  jwt({ ...options, from: [bearer(), cookie('token', { csrf: 'handled' }), query(), subprotocol()] })

const authorization = (value: string): ClientRequest => ({ headers: { Authorization: `Bearer ${value}` } })
const inCookie = (value: string): ClientRequest => ({ headers: { Cookie: `a=b; token=${value}` } })
const inQuery = (value: string): ClientRequest => ({ target: `/?access_token=${value}` })
const inProtocol = (value: string): ClientRequest => ({
  headers: { 'Sec-WebSocket-Protocol': `chat, bearer.${value}` },
})

const INVALID = 'Bearer realm="api", error="invalid_token", error_description="The access token is invalid"'
const MALFORMED = 'Bearer realm="api", error="invalid_request", error_description="Malformed credentials"'
const places = [authorization, inCookie, inQuery, inProtocol]

/** A log whose lines are part of what a behaviour notes. */
const noting = (note: (line: string) => void): Logger => {
  const write = (record: object) => {
    const { path, status } = record as { path: string; status: number }
    note(`${path} ${status}${/eyJ|access_token/.test(JSON.stringify(record)) ? ' with the token' : ''}`)
  }
  return { debug: write, info: write, warn: write, error: write }
}

const byMethod: App = {
  routes: [get('/posts', text('posts')), post('/posts', text('posted')), get('/admin', text('admin'))],
}

export const tokens: readonly Behaviour[] = [
  {
    title: 'given four places for a token when it is in one of them then it opens, and in two it is a 400',
    edge: probe =>
      probe
        .pipeline(still())
        .use(requestId())
        .use(authenticate({ strategies: [everywhere()] })),
    when: [
      ...places.map(place => place(token())),
      ...places.map(place => place(`${token()}x`)),
      same({ target: inQuery(token()).target ?? '', ...inCookie(token()) }),
      { headers: { ...inCookie(token()).headers, ...authorization(token()).headers } },
      { headers: { Cookie: `token=${token()}; token=${token()}` } },
    ],
    gets: [
      ...places.map(place => ({
        status: 200,
        body: 'ok',
        headers: { 'Cache-Control': place === inQuery ? 'private' : null },
      })),
      ...places.map(() => ({ status: 401, headers: { 'WWW-Authenticate': [INVALID] } })),
      {
        status: 400,
        headers: { 'WWW-Authenticate': [MALFORMED] },
        body: refusal('BAD_REQUEST', 'The credentials are malformed'),
      },
      { status: 400, headers: { 'WWW-Authenticate': [MALFORMED] } },
      { status: 400, headers: { 'WWW-Authenticate': [MALFORMED] } },
    ],
  },
  {
    title: 'given an access log when a token comes in the query then no line has it',
    edge: probe =>
      probe
        .pipeline()
        .use(accessLog({ logger: noting(line => probe.note(line)) }))
        .use(authenticate({ strategies: [everywhere()] })),
    when: async (client, probe) => {
      const answers = []
      for (const request of [inQuery(token()), inQuery('a.b.c')]) {
        answers.push(await client.send(request))
        await probe.settled()
      }
      return answers
    },
    gets: [{ status: 200 }, { status: 401 }],
    trace: ['handler', '/ 200', '/ 401'],
  },
  {
    title: 'given tokens that the issuer signed when they do not fit then none is held against the client',
    edge: probe => probe.pipeline().use(authenticate({ strategies: [everywhere()] })),
    when: [
      { aud: 'billing' },
      { typ: 'ID' },
      { sub: 7 },
      { exp: 'never' },
      { nbf: FAR },
      { token_use: 'id' },
    ].map(claims => authorization(token(claims))),
    gets: Array.from({ length: 6 }, () => ({
      status: 401,
      headers: { 'WWW-Authenticate': [INVALID] },
    })),
    events: ['claim aud', 'claim typ', 'claim sub', 'claim exp', 'claim nbf', 'claim token_use'].map(
      reason => ['auth:failure', { strategy: 'jwt', reason }] as const,
    ),
  },
  {
    title: 'given rules by method when requests come then HEAD follows GET, and each method has its rule',
    edge: probe =>
      probe.pipeline().use(
        authenticate({
          strategies: [everywhere()],
          rules: [
            { path: '/**' },
            { path: '/posts', methods: ['GET'], login: 'public' },
            { path: '/posts', methods: ['POST'] },
          ],
        }),
      ),
    app: byMethod,
    when: [
      { target: '/posts' },
      { target: '/posts', method: 'HEAD' },
      { target: '/posts', method: 'POST' },
      { target: '/posts', method: 'POST', ...authorization(token()) },
      { target: '/posts', method: 'PATCH' },
      { target: '/admin' },
      { target: '/admin', method: 'HEAD' },
    ],
    gets: [
      { status: 200, body: 'posts' },
      { status: 200 },
      { status: 401 },
      { status: 200, body: 'posted' },
      { status: 401 },
      { status: 401 },
      { status: 401 },
    ],
  },
]
