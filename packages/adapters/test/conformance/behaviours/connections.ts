import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'
import { whole } from '../client/client.js'

/** Several requests on one connection, and many at once. */
export const connections: readonly Behaviour[] = [
  {
    title:
      'given a client that asks twice on a connection when both are answered then each has its own context',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: ctx => ctx.setHeader('X-Path', ctx.path) })),
    app: { routes: [get('/one', text('1')), get('/two', text('2'))] },
    when: async client => {
      const connection = await client.connect()
      const answers = []
      for (const target of ['/one', '/two']) {
        connection.send({ target, headers: { Connection: 'keep-alive' } })
        const live = await connection.receive()
        answers.push({ ...live, ...(await whole(live)), closed: false })
      }
      connection.leave()
      return answers
    },
    gets: [
      { status: 200, headers: { 'X-Path': '/one' }, body: '1' },
      { status: 200, headers: { 'X-Path': '/two' }, body: '2' },
    ],
    outcomes: [
      { status: 200, aborted: false, route: '/one' },
      { status: 200, aborted: false, route: '/two' },
    ],
    needs: ['socket'],
  },
  {
    title:
      'given requests that are sent before the first is answered when they are answered then it is in order, each with its own context',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: ctx => ctx.setHeader('X-Path', ctx.path) })),
    app: {
      routes: [
        get('/slow', async ({ probe }) => {
          await probe.gate('go').opened
          return text('slow')
        }),
        get('/fast', ({ probe }) => {
          probe.gate('go').open()
          return text('fast')
        }),
      ],
    },
    when: async client => {
      const connection = await client.connect()
      for (const target of ['/slow', '/fast'])
        connection.send({ target, headers: { Connection: 'keep-alive' } })
      const answers = []
      for (let i = 0; i < 2; i++) {
        const live = await connection.receive()
        answers.push({ ...live, ...(await whole(live)), closed: false })
      }
      connection.leave()
      return answers
    },
    gets: [
      { status: 200, headers: { 'X-Path': '/slow' }, body: 'slow' },
      { status: 200, headers: { 'X-Path': '/fast' }, body: 'fast' },
    ],
    needs: ['socket'],
  },
  {
    title:
      'given requests that are sent before the first is answered when the client leaves then each outcome is aborted, once',
    app: {
      routes: [
        get('/', async ({ probe }) => {
          await probe.gate('go').opened
          return text('late')
        }),
        get('/last', async ({ probe }) => {
          probe.gate('reached').open()
          await probe.gate('go').opened
          return text('late')
        }),
      ],
    },
    when: async (client, probe) => {
      const connection = await client.connect()
      for (const target of ['/', '/', '/last'])
        connection.send({ target, headers: { Connection: 'keep-alive' } })
      await probe.gate('reached').opened
      connection.leave()
      await probe.settled()
      probe.gate('go').open()
      return []
    },
    gets: [],
    outcomes: [
      { status: undefined, aborted: true },
      { status: undefined, aborted: true },
      { status: undefined, aborted: true },
    ],
    needs: ['socket'],
  },
  {
    title:
      'given an answer that waits for the one in front of it when the client leaves then neither outcome has a status',
    app: {
      routes: [
        get('/slow', async ({ probe }) => {
          await probe.gate('go').opened
          return text('late')
        }),
        get('/fast', ({ probe }) => {
          probe.gate('reached').open()
          return text('fast')
        }),
      ],
    },
    when: async (client, probe) => {
      const connection = await client.connect()
      for (const target of ['/slow', '/fast'])
        connection.send({ target, headers: { Connection: 'keep-alive' } })
      await probe.gate('reached').opened
      // Until the host has answered as far as it can.
      for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
      connection.leave()
      await probe.settled()
      probe.gate('go').open()
      return []
    },
    gets: [],
    outcomes: [
      { status: undefined, aborted: true },
      { status: undefined, aborted: true },
    ],
    needs: ['socket'],
  },
  {
    title: 'given 200 users at once when each asks who it is then nobody is told of another',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest(ctx) {
            const user = ctx.query.get('user') ?? ''
            ctx.requestId = user
            ctx.setHeader('X-User', user)
            // All are in the middle of it together.
            if (user === '199') probe.gate('all').open()
            await probe.gate('all').opened
            ctx.appendHeader('Set-Cookie', `user=${ctx.query.get('user')}`)
          },
        }),
      ),
    app: { routes: [get('/', view => text(view.context().requestId))] },
    when: (client, _probe) =>
      Promise.all(Array.from({ length: 200 }, (_, user) => client.send({ target: `/?user=${user}` }))),
    gets: Array.from({ length: 200 }, (_, user) => ({
      status: 200,
      headers: { 'X-User': `${user}`, 'Set-Cookie': [`user=${user}`] },
      body: `${user}`,
    })),
  },
]
