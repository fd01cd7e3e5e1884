/**
 * What is known of the sender of a request is in its events and in its line of the access log, on
 * every host.
 */
import { type Identity, provideIdentity } from '@palisade/core'
import { accessLog } from '@palisade/metrics'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'
import type { Probe } from '../probe.js'

const ada: Identity = {
  subject: 'ada',
  tenant: 'acme',
  session: 's-1',
  method: 'session',
  scopes: new Set(),
  roles: new Set(),
  claims: {},
}
const isAda = { subject: 'ada', tenant: 'acme', session: 's-1' }
const unknown = { subject: undefined, tenant: undefined, session: undefined }

const failing = () => {
  throw new Error('boom')
}

/** Notes what of a line names the sender. */
const logging = (probe: Probe) =>
  accessLog({
    logger: {
      debug() {},
      info: fields => {
        const { user_id, tenant_id, session_id } = fields as Readonly<Record<string, unknown>>
        probe.note(`${user_id} ${tenant_id} ${session_id}`)
      },
      warn() {},
      error() {},
    },
  })

export const callers: readonly Behaviour[] = [
  {
    title: 'given an identity when the request ends then the event and the access log name the sender',
    edge: probe =>
      probe
        .pipeline()
        .use(logging(probe))
        .use(probe.middleware('a'))
        .use(provideIdentity(() => ada)),
    when: {},
    gets: { status: 200 },
    trace: ['a>', 'handler', '<a', 'ada acme s-1'],
    events: [['request:end', isAda]],
  },
  {
    title:
      'given a middleware that names the sender itself when the request ends then the event has its facts',
    edge: probe =>
      probe
        .pipeline()
        .use(logging(probe))
        .use(
          probe.does(ctx => {
            ctx.caller = { subject: 'service-7' }
          }),
        ),
    when: {},
    gets: { status: 200 },
    trace: ['a>', 'handler', '<a', 'service-7 undefined undefined'],
    events: [['request:end', { ...unknown, subject: 'service-7' }]],
  },
  {
    title: 'given no identity when the request ends then the event names no sender',
    edge: probe => probe.pipeline().use(logging(probe)).use(probe.middleware('a')),
    when: {},
    gets: { status: 200 },
    trace: ['a>', 'handler', '<a', 'undefined undefined undefined'],
    events: [['request:end', unknown]],
  },
  {
    title: 'given an identity when a handler fails then the event names the sender',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(provideIdentity(() => ada)),
    app: { errorHandler: true, routes: [get('/', failing), get('/ok', text('ok'))] },
    when: {},
    gets: { status: 500 },
    events: [['request:error', { ...isAda, by: undefined }]],
    logs: [/boom/],
  },
  {
    title: 'given an identity when a middleware fails then the event names the sender',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(provideIdentity(() => ada))
        .use(probe.middleware('gate', { onRequest: failing })),
    when: {},
    gets: { status: 500 },
    events: [['request:error', { ...isAda, by: 'gate' }]],
    logs: [/boom/],
  },
]
