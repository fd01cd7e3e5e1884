import { Reply } from '@palisade/core'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'
import { whole } from '../client/client.js'

const failing = () => {
  throw new Error('inner')
}

/** A Proxy of which every look throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Values that anything may throw. Each is made anew, as a memo must not help. */
const VALUES: readonly (readonly [name: string, make: () => unknown])[] = [
  ['a revoked Proxy', revoked],
  [
    'a Proxy with throwing traps',
    () => new Proxy({}, { get: failing, has: failing, ownKeys: failing, getPrototypeOf: failing }),
  ],
  [
    'an Error with throwing getters',
    () =>
      Object.defineProperties(new Error('x'), {
        message: { get: failing },
        name: { get: failing },
        stack: { get: failing },
        status: { get: failing },
        headers: { get: failing },
      }),
  ],
  ['an Error caused by a revoked Proxy', () => new Error('outer', { cause: revoked() })],
  [
    'an Error with odd fields',
    () =>
      Object.assign(new Error('x'), { message: 1, stack: 2, name: Symbol('n'), headers: 3, status: 'no' }),
  ],
  ['an object without a prototype', () => Object.create(null)],
  ['null', () => null],
  ['undefined', () => undefined],
  ['a Symbol', () => Symbol('thrown')],
  ['a BigInt', () => 10n],
  ['a function', () => failing],
]

const throws = (make: () => unknown) => () => {
  throw make()
}

const FAILED = { status: 500, body: /"code":"INTERNAL_ERROR"/ }
const FINE = { status: 200, body: 'fine' }
const REQUESTS = [{ target: '/' }, { target: '/fine' }]
const ROUTES = [get('/fine', text('fine'))]

/** Express reads a falsy value as "go on", and passes it to no error handler. */
const FALSY_IN_EXPRESS = { express: 'Express reads a falsy value that is thrown as "go on"' }

export const thrown: readonly Behaviour[] = VALUES.flatMap(([name, make]): Behaviour[] => {
  const isFalsy = name === 'null' || name === 'undefined'
  const notOn = isFalsy ? FALSY_IN_EXPRESS : {}
  return [
    {
      title: `given the error handler of the edge when a handler throws ${name} then it is a logged 500 and the server lives`,
      app: { errorHandler: true, routes: [get('/', throws(make)), ...ROUTES] },
      when: REQUESTS,
      gets: [FAILED, FINE],
      outcomes: [
        { status: 500, error: /./s },
        { status: 200, error: null },
      ],
      events: [['request:error', { path: '/' }]],
      logs: [/^the handler failed/],
      notOn,
    },
    {
      title: `given the error handler of the edge when a handler rejects with ${name} then it is a logged 500 and the server lives`,
      app: { errorHandler: true, routes: [get('/', async () => throws(make)()), ...ROUTES] },
      when: REQUESTS,
      gets: [FAILED, FINE],
      outcomes: [
        { status: 500, error: /./s },
        { status: 200, error: null },
      ],
      logs: [/^the handler failed/],
    },
    {
      title: `given no error handler of the edge when a handler throws ${name} then it is a logged 500 and the server lives`,
      app: { routes: [get('/', throws(make)), ...ROUTES] },
      when: REQUESTS,
      gets: [{ status: 500 }, FINE],
      outcomes: [
        { status: 500, error: /./s },
        { status: 200, error: null },
      ],
      events: [['request:error', { path: '/' }]],
      logs: [/^the handler failed/],
      notOn,
    },
    {
      title: `given a middleware when it throws, rejects with or returns ${name} then the request is refused with 500`,
      edge: probe =>
        probe.pipeline({ production: false }).use(
          probe.middleware('a', {
            onRequest(ctx) {
              if (ctx.path === '/throws') throw make()
              if (ctx.path === '/rejects') return Promise.reject(make())
              return ctx.path === '/returns' ? (make() as undefined) : undefined
            },
          }),
        ),
      app: { routes: ROUTES },
      when: [{ target: '/throws' }, { target: '/rejects' }, { target: '/returns' }, { target: '/fine' }],
      gets: [FAILED, FAILED, name === 'undefined' ? { status: 404 } : FAILED, FINE],
      logs: Array.from({ length: name === 'undefined' ? 2 : 3 }, () => /^middleware "a" failed/),
      notOn: { fetch: 'it has no other routes', node: 'it has no other routes' },
    },
    {
      title: `given hooks, listeners, a renderer and a logger when each throws ${name} then the request ends once`,
      edge: probe => {
        const edge = probe
          .pipeline({
            errors: throws(make) as never,
            logger: { ...probe.logger, warn: throws(make), debug: throws(make) },
          })
          .use(probe.middleware('a', { onResponse: throws(make) }))
          .use({ name: 'b', onResponse: async () => throws(make)() })
          .use(
            probe.middleware('c', {
              onRequest: ctx => {
                ctx.services.logger.warn({})
                return ctx.path === '/' ? ctx.deny({ status: 403, code: 'NO', message: 'no' }) : undefined
              },
            }),
          )
        edge.events.on('*', throws(make))
        edge.events.on('*', async () => throws(make)())
        return edge
      },
      app: { routes: ROUTES },
      when: REQUESTS,
      gets: [{ status: 403, body: /FORBIDDEN/ }, FINE],
      outcomes: [{ status: 403 }, { status: 200 }],
      logs: 'any',
    },
    {
      title: `given a stream that throws ${name} when it is read then the client has a part and the server lives`,
      edge: probe =>
        probe.pipeline().use(
          probe.middleware('a', {
            onRequest: ctx =>
              ctx.path === '/'
                ? new Reply(
                    200,
                    {},
                    {
                      async *[Symbol.asyncIterator]() {
                        yield 'part'
                        throw make()
                      },
                    },
                  )
                : undefined,
          }),
        ),
      app: { routes: ROUTES },
      when: async client => {
        const live = await client.start({ target: '/' }).head
        const part = await whole(live)
        const fine = await client.send({ target: '/fine' })
        return [{ ...live, ...part, closed: undefined }, fine]
      },
      gets: [{ status: 200 }, FINE],
      outcomes: [{ aborted: true, error: /./s }, { status: 200 }],
      logs: [/^the body of an answer failed/],
    },
  ]
})
