import { expect } from 'vitest'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

const id = { headers: { 'X-Id': 'req-1' } }

const known: Behaviour['edge'] = probe =>
  probe.pipeline().use(
    probe.does(ctx => {
      ctx.requestId = 'req-1'
    }),
  )

const facts = { method: 'GET', path: '/orders/7' }
const app: NonNullable<Behaviour['app']> = { routes: [get('/orders/:id', text('ok'))] }
const withRouter = { needs: ['router'] } satisfies Partial<Behaviour>

export const events: readonly Behaviour[] = [
  {
    title: 'given listeners when a request passes then start and end tell their facts, and never the query',
    edge: known,
    app,
    when: { target: '/orders/7?token=secret', ...id },
    gets: { status: 200 },
    events: [
      ['request:start', { ...facts, ip: '127.0.0.1', requestId: 'req-1' }],
      [
        'request:end',
        {
          ...facts,
          requestId: 'req-1',
          ip: '127.0.0.1',
          status: 200,
          route: '/orders/:id',
          aborted: false,
          durationMs: expect.any(Number),
        },
      ],
    ],
    ...withRouter,
  },
  {
    title: 'given a listener and no end hook when a request passes then its end is told all the same',
    edge: probe => probe.pipeline().use({ name: 'quiet', onRequest: () => {} }),
    app,
    when: { target: '/orders/7' },
    gets: { status: 200 },
    events: [['request:end', { ...facts, status: 200, aborted: false }]],
  },
  {
    title: 'given listeners when a middleware denies then the reason is told to them and not to the client',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: ctx =>
            ctx.deny({ status: 403, code: 'CLOSED', message: 'no', reason: 'on the list', by: 'gate' }),
        }),
      ),
    app,
    when: { target: '/orders/7' },
    gets: { status: 403, body: body => expect(body).not.toContain('on the list') },
    events: [
      [
        'decision:refused',
        { ...facts, ip: '127.0.0.1', status: 403, code: 'CLOSED', reason: 'on the list', by: 'gate' },
      ],
      ['request:end', { ...facts, status: 403 }],
    ],
  },
  {
    title: 'given listeners when a middleware throws then the error is told with its name',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('gate', {
          onRequest() {
            throw new Error('boom')
          },
        }),
      ),
    app,
    when: { target: '/orders/7' },
    gets: { status: 500 },
    events: [
      ['request:error', { ...facts, by: 'gate', error: expect.objectContaining({ message: 'boom' }) }],
    ],
    logs: [/boom/],
  },
  {
    title: 'given listeners when a handler throws then the error is told',
    edge: known,
    app: {
      errorHandler: true,
      routes: [
        get('/orders/:id', () => {
          throw new Error('boom')
        }),
      ],
    },
    when: { target: '/orders/7' },
    gets: { status: 500, body: /"request_id":"req-1"/ },
    events: [
      [
        'request:error',
        { ...facts, requestId: 'req-1', by: undefined, error: expect.objectContaining({ message: 'boom' }) },
      ],
    ],
    logs: [/boom/],
  },
  {
    title: 'given listeners when the 404 handler of the edge answers then it is told as a refusal',
    app: { ...app, notFoundHandler: true },
    when: { target: '/nowhere' },
    gets: { status: 404 },
    events: [['decision:refused', { path: '/nowhere', status: 404, code: 'NOT_FOUND' }]],
    needs: ['not-found-handler'],
  },
  {
    title: 'given a listener that throws when a request passes then it harms nobody',
    edge: probe => {
      const edge = probe.pipeline().use(probe.middleware('a'))
      edge.events.on('request:start', () => {
        throw new Error('deaf')
      })
      return edge
    },
    app,
    when: { target: '/orders/7' },
    gets: { status: 200, body: 'ok' },
    logs: [/^an event listener failed: deaf$/],
  },
]
