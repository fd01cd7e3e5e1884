import { Readable } from 'node:stream'
import { Reply } from '@palisade/core'
import { chunks, stream, text } from '../answers.js'
import { type Behaviour, get, type Script } from '../behaviour.js'
import { type Answered, whole } from '../client/client.js'
import type { Probe } from '../probe.js'
import { connections } from './connections.js'

/** Leaves when the handler has been reached; only then lets the handler go on. */
const leavesEarly: Script = async (client, probe) => {
  const exchange = client.start({ target: '/' })
  await probe.gate('reached').opened
  exchange.leave()
  await probe.settled()
  probe.gate('go').open()
  return []
}

/** Reads the first part, then leaves. */
const leavesInTheMiddle: Script = async (client, probe) => {
  const exchange = client.start({ target: '/' })
  const live = await exchange.head
  const body = await live.next()
  exchange.leave()
  await probe.settled()
  probe.gate('go').open()
  return [{ ...live, body: body ?? '', complete: false, closed: undefined }]
}

const waits = get('/', async ({ probe }) => {
  probe.gate('reached').open()
  await probe.gate('go').opened
  return text('late')
})

/** Ticks until it is ended. */
async function* ticks(probe: Probe): AsyncGenerator<string> {
  try {
    for (let i = 1; ; i++) {
      yield `data: ${i}\n\n`
      if (i === 3) await probe.gate('go').opened
    }
  } finally {
    probe.note('source ended')
  }
}

const events = { 'Content-Type': 'text/event-stream' }

/** A stream of Node that says when it is closed. */
const closing = (probe: Probe): Readable =>
  Readable.from(['x']).once('close', () => probe.gate('closed').open())

/**
 * Gives one part at once and waits for ever after, without a promise of its own where none is
 * needed.
 */
const turnByTurn = (first: string, until: () => Promise<void>) => {
  let isFirst = true
  return () => {
    if (!isFirst) return until().then(() => ({ done: true, value: undefined }))
    isFirst = false
    return { done: false, value: first }
  }
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

export const end: readonly Behaviour[] = [
  {
    title: 'given a handler at work when the client leaves then the outcome is aborted, without a status',
    app: { routes: [waits] },
    when: leavesEarly,
    gets: [],
    trace: ['a>', 'handler', '<a'],
    outcomes: [{ status: undefined, aborted: true }],
  },
  {
    title:
      'given a handler that fails because the client left when it does then nothing is logged and no error is counted',
    edge: probe => {
      const edge = probe.pipeline().use(probe.middleware('a'))
      edge.events.on('request:error', () => probe.note('request:error'))
      return edge
    },
    app: {
      errorHandler: true,
      routes: [
        get('/', async view => {
          const { signal } = view.context()
          const left = new Promise(resolve => signal.addEventListener('abort', resolve))
          view.probe.gate('reached').open()
          await left
          throw signal.reason
        }),
      ],
    },
    when: async (client, probe) => {
      await leavesEarly(client, probe)
      await turns(10)
      return []
    },
    gets: [],
    trace: ['a>', 'handler', '<a'],
    outcomes: [{ status: undefined, aborted: true }],
  },
  {
    title: 'given a signal that somebody holds when the client leaves then it is aborted',
    edge: probe =>
      probe.pipeline().use(
        probe.does(({ signal }) => {
          signal.addEventListener('abort', () => probe.note(`left: ${(signal.reason as Error).name}`))
        }),
      ),
    app: { routes: [waits] },
    when: leavesEarly,
    gets: [],
    trace: ['a>', 'handler', 'left: AbortError', '<a'],
  },
  {
    title: 'given a signal that somebody holds when the answer is complete then it is not aborted',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: ({ signal }) => signal.addEventListener('abort', () => probe.note('left')),
          onResponse: ctx => probe.note(`aborted: ${ctx.signal.aborted}`),
        }),
      ),
    when: { target: '/' },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'handler', '<a', 'aborted: false'],
  },
  {
    title:
      'given a middleware at work when the client leaves then no later one is reached, and none misses the end',
    edge: probe =>
      probe
        .pipeline()
        .use(
          probe.middleware('waits', {
            async onRequest() {
              probe.gate('reached').open()
              await probe.gate('go').opened
              probe.note('went on')
            },
          }),
        )
        .use(probe.middleware('later', {})),
    app: { routes: [get('/', text('ok'))] },
    when: async (client, probe) => {
      await leavesEarly(client, probe)
      await turns(10)
      return []
    },
    gets: [],
    trace: ['waits>', '<waits', 'went on'],
    outcomes: [{ status: undefined, aborted: true }],
  },
  {
    title: 'given a middleware at work when the client leaves then the handler is not needed for the outcome',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest() {
            probe.gate('reached').open()
            await probe.gate('go').opened
            return new Reply(200, {}, 'late')
          },
        }),
      ),
    when: leavesEarly,
    gets: [],
    outcomes: [{ status: undefined, aborted: true }],
  },
  {
    title:
      'given a handler that streams when the client leaves in the middle then the outcome is aborted, with the status that was sent',
    app: {
      routes: [
        get('/', ({ probe }) =>
          stream(
            (async function* () {
              yield 'first'
              await probe.gate('go').opened
            })(),
          ),
        ),
      ],
    },
    when: leavesInTheMiddle,
    gets: { status: 200, body: 'first' },
    trace: ['a>', 'handler', '<a'],
    outcomes: [{ status: 200, aborted: true, route: '/' }],
  },
  {
    title: 'given a handler that streams when it is done then the outcome is complete',
    app: { routes: [get('/', () => stream(chunks('one ', 'two ', 'three')))] },
    when: { target: '/' },
    gets: { status: 200, body: 'one two three' },
    outcomes: [{ status: 200, aborted: false, route: '/' }],
  },
  {
    title:
      'given a middleware that streams events when they come then each is sent at once, with the early headers',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.sets({ 'X-Early': 'yes' }))
        .use(probe.middleware('b', { onRequest: () => new Reply(200, events, ticks(probe)) })),
    when: async (client, probe) => {
      const exchange = client.start({ target: '/' })
      const live = await exchange.head
      let body = ''
      while (!body.includes('data: 3')) body += await live.next()
      exchange.leave()
      await probe.settled()
      probe.gate('go').open()
      return [{ ...live, body, complete: false, closed: undefined }]
    },
    gets: {
      status: 200,
      headers: { 'X-Early': 'yes', 'Content-Type': 'text/event-stream', 'Content-Length': null },
      body: 'data: 1\n\ndata: 2\n\ndata: 3\n\n',
    },
    outcomes: [{ status: 200, aborted: true }],
  },
  {
    title: 'given a middleware that streams when the client leaves then the source is ended',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest() {
            let open = () => {}
            const stopped = new Promise<void>(resolve => {
              open = resolve
            })
            const source: AsyncIterableIterator<string> = {
              [Symbol.asyncIterator]: () => source,
              next: (() => {
                let sent = false
                return async () => {
                  if (sent) await stopped
                  if (sent) return { done: true, value: undefined }
                  sent = true
                  return { done: false, value: 'first' }
                }
              })(),
              async return() {
                probe.note('source ended')
                probe.gate('ended').open()
                open()
                return { done: true, value: undefined }
              },
            }
            return new Reply(200, events, source)
          },
        }),
      ),
    when: async (client, probe) => {
      const answers = await leavesInTheMiddle(client, probe)
      await probe.gate('ended').opened
      return answers
    },
    gets: { status: 200, body: 'first' },
    outcomes: [{ status: 200, aborted: true }],
  },
  {
    title: 'given a middleware that streams when the source is done then the answer ends',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () => new Reply(200, events, chunks('data: 1\n\n', 'data: 2\n\n')),
        }),
      ),
    when: { target: '/' },
    gets: { status: 200, body: 'data: 1\n\ndata: 2\n\n' },
    outcomes: [{ status: 200, aborted: false, error: null }],
  },
  {
    title:
      'given a middleware that streams when the source fails then the client can tell, and the cause is in the log',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () =>
            new Reply(
              200,
              events,
              (async function* () {
                yield 'part'
                await probe.gate('seen').opened
                throw new Error('boom')
              })(),
            ),
        }),
      ),
    when: async (client, probe) => {
      const live = await client.start({ target: '/' }).head
      const body = (await live.next()) ?? ''
      probe.gate('seen').open()
      const { body: rest, complete } = await whole(live)
      if (complete) throw new Error('the answer looks whole')
      return [{ ...live, body: body + rest, complete, closed: undefined }]
    },
    gets: { status: 200, body: 'part' },
    outcomes: [{ status: 200, aborted: true, error: /boom/ }],
    logs: [/^the body of an answer failed: boom$/],
  },
  {
    title: 'given a middleware that streams when the question is HEAD then the source is not begun',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () =>
            new Reply(
              200,
              events,
              (async function* () {
                probe.note('begun')
                yield 'x'
              })(),
            ),
        }),
      ),
    when: { method: 'HEAD' },
    gets: { status: 200, headers: { 'Content-Type': 'text/event-stream' }, body: '' },
    trace: ['a>', '<a'],
  },
  ...[200, 204, 304].map(
    (status): Behaviour => ({
      title: `given a middleware that answers ${status === 200 ? 'HEAD' : status} with a stream when it is not sent then the stream is closed`,
      edge: probe =>
        probe
          .pipeline()
          .use(probe.middleware('a', { onRequest: () => new Reply(status, events, closing(probe)) })),
      when: async (client, probe) => {
        const answer = await client.send({ method: status === 200 ? 'HEAD' : 'GET' })
        await probe.gate('closed').opened
        return [answer]
      },
      gets: { status, body: '' },
    }),
  ),
  ...[true, false].map(
    (isObserved): Behaviour => ({
      title: `given a middleware at work ${isObserved ? 'and one that waits for the end ' : ''}when the client leaves then the stream that it answers is closed`,
      edge: probe => {
        const edge = probe.pipeline().use({
          name: 'streams',
          async onRequest({ signal }) {
            const left = new Promise(resolve => signal.addEventListener('abort', resolve))
            probe.gate('reached').open()
            await left
            return new Reply(200, events, closing(probe))
          },
        })
        return isObserved ? edge.use(probe.middleware('a')) : edge
      },
      when: async (client, probe) => {
        const exchange = client.start({ target: '/' })
        await probe.gate('reached').opened
        exchange.leave()
        await probe.gate('closed').opened
        return []
      },
      gets: [],
    }),
  ),
  {
    title:
      'given a middleware that streams with a header that cannot be sent when it is refused then the stream is closed',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: () => new Reply(200, { 'X-A': 'a\r\nb' }, closing(probe)) })),
    when: async (client, probe) => {
      const answer = await client.send({ target: '/' })
      await probe.gate('closed').opened
      return [answer]
    },
    gets: { status: 500 },
    logs: 'any',
  },
  ...(['answers at once', 'fails'] as const).map(
    (how): Behaviour => ({
      title: `given a middleware that streams from a source whose return ${how} when the client leaves then the server lives on`,
      edge: probe =>
        probe.pipeline().use(
          probe.middleware('a', {
            onRequest(ctx) {
              if (ctx.path !== '/') return undefined
              const source = {
                [Symbol.asyncIterator]: () => source,
                next: turnByTurn('first', () => probe.gate('go').opened),
                return() {
                  probe.gate('ended').open()
                  if (how === 'fails') throw new Error('boom')
                  return { done: true, value: undefined }
                },
              }
              return new Reply(200, events, source as unknown as AsyncIterable<string>)
            },
          }),
        ),
      app: { routes: [get('/alive', text('ok'))] },
      when: async (client, probe) => {
        const [answer] = await leavesInTheMiddle(client, probe)
        await probe.gate('ended').opened
        return [answer as Answered, await client.send({ target: '/alive' })]
      },
      gets: [
        { status: 200, body: 'first' },
        { status: 200, body: 'ok' },
      ],
    }),
  ),
  {
    title: 'given a middleware that streams without end when the client does not read then the source waits',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () =>
            new Reply(
              200,
              {},
              (async function* () {
                for (;;) {
                  probe.note('chunk')
                  yield 'x'.repeat(65_536)
                }
              })(),
            ),
        }),
      ),
    when: async (client, probe) => {
      const exchange = client.start({ target: '/' })
      const { status, lines } = await exchange.head
      // It stands still when turns of the event loop bring nothing new; 64 MB are more than what
      // any socket holds.
      for (let before = -1; before !== probe.trace.length && probe.trace.length < 1000; ) {
        before = probe.trace.length
        await turns(50)
      }
      const body = probe.trace.length < 1000 ? 'waits' : 'floods'
      exchange.leave()
      await probe.settled()
      return [{ status, lines, body, complete: false, closed: undefined }]
    },
    gets: { status: 200, body: 'waits' },
    outcomes: [{ aborted: true }],
  },
  ...connections,
]
