/**
 * Replies whose body is a stream of Node or of the web: all parts, at the client's pace, and ended
 * with the client.
 */
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { Reply, type ReplyBody } from '@palisade/core'
import { text } from '../answers.js'
import { type Behaviour, post, type Script } from '../behaviour.js'
import { whole } from '../client/client.js'
import type { Probe } from '../probe.js'

/** The parts of a stream, and a callback that hears when its reader has stopped. */
interface Source {
  next(): Promise<Uint8Array | undefined>
  left(): void
}

const kinds: Readonly<Record<string, (source: Source) => ReplyBody>> = {
  'a stream of Node': source =>
    new Readable({
      read() {
        source.next().then(
          part => this.push(part ?? null),
          error => this.destroy(error),
        )
      },
      destroy(error, done) {
        source.left()
        done(error)
      },
    }),
  'a stream of the web': source =>
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = await source.next()
        if (part === undefined) controller.close()
        else controller.enqueue(part)
      },
      cancel: () => source.left(),
    }),
}

const bytes = (text: string) => new TextEncoder().encode(text)

const parts = (...texts: string[]): Source => ({
  next: async () => (texts.length === 0 ? undefined : bytes(texts.shift() as string)),
  left() {},
})

/** One part, and the next when the gate opens. */
const gated = (probe: Probe, then: () => Uint8Array | undefined): Source => {
  let isFirst = true
  return {
    async next() {
      if (isFirst) {
        isFirst = false
        return bytes('part')
      }
      await probe.gate('go').opened
      return then()
    },
    left: () => probe.gate('left').open(),
  }
}

const endless = (probe: Probe): Source => ({
  async next() {
    probe.note('chunk')
    return bytes('x'.repeat(65_536))
  },
  left() {},
})

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Whether something stands still before it reaches a bound. */
async function standsStill(amount: () => number, bound: number): Promise<string> {
  for (let before = -1; before !== amount() && amount() < bound; ) {
    before = amount()
    await turns(50)
  }
  return amount() < bound ? 'waits' : 'floods'
}

const answering =
  (body: (probe: Probe) => ReplyBody): NonNullable<Behaviour['edge']> =>
  probe =>
    probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(200, {}, body(probe)) }))

const failsLater: Script = async (client, probe) => {
  const live = await client.start({}).head
  const first = (await live.next()) ?? ''
  probe.gate('go').open()
  const { body, complete } = await whole(live)
  await probe.settled()
  return [{ ...live, body: `${first}${body} ${complete}`, complete, closed: undefined }]
}

const leaves: Script = async (client, probe) => {
  const exchange = client.start({})
  const live = await exchange.head
  const body = (await live.next()) ?? ''
  exchange.leave()
  await probe.gate('left').opened
  await probe.settled()
  return [{ ...live, body, complete: false, closed: undefined }]
}

const doesNotRead: Script = async (client, probe) => {
  const exchange = client.start({})
  const { status, lines } = await exchange.head
  const body = await standsStill(() => probe.trace.length, 1000)
  exchange.leave()
  await probe.settled()
  return [{ status, lines, body, complete: false, closed: undefined }]
}

const ofKind = ([kind, make]: [string, (source: Source) => ReplyBody]): readonly Behaviour[] => [
  {
    title: `given a reply with ${kind} when it is read then all parts arrive`,
    edge: answering(() => make(parts('one ', 'two ', 'three'))),
    when: {},
    gets: { status: 200, body: 'one two three' },
    outcomes: [{ status: 200, aborted: false, error: null }],
  },
  {
    title: `given a reply with ${kind} when it fails in the middle then the client can tell, and the cause is in the log`,
    edge: answering(probe =>
      make(
        gated(probe, () => {
          throw new Error('boom')
        }),
      ),
    ),
    when: failsLater,
    gets: { status: 200, body: 'part false' },
    outcomes: [{ aborted: true, error: /boom/ }],
    logs: [/boom/],
  },
  {
    title: `given a reply with ${kind} when the client leaves then it is ended`,
    edge: answering(probe => make(gated(probe, () => undefined))),
    when: leaves,
    gets: { status: 200, body: 'part' },
    outcomes: [{ status: 200, aborted: true }],
  },
  {
    title: `given a reply with ${kind} without end when the client does not read then it waits`,
    edge: answering(probe => make(endless(probe))),
    when: doesNotRead,
    gets: { status: 200, body: 'waits' },
    outcomes: [{ aborted: true }],
  },
]

export const streams: readonly Behaviour[] = [
  ...Object.entries(kinds).flatMap(ofKind),
  {
    title:
      'given a middleware that reads one part of the body when the client sends without end then the client waits',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest(ctx) {
            for await (const _ of ctx.body()) await probe.gate('go').opened
            return new Reply(200)
          },
        }),
      ),
    app: { routes: [post('/', text('handler'))] },
    when: async (client, probe) => {
      const socket = connect(client.port, '127.0.0.1').on('error', () => {})
      socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n')
      const flood = () => {
        while (socket.writable && socket.bytesWritten < BOUND && socket.write(Buffer.alloc(65_536)));
      }
      socket.on('drain', flood)
      flood()
      await probe.reached
      const body = await standsStill(() => socket.bytesWritten - socket.writableLength, BOUND)
      socket.destroy()
      probe.gate('go').open()
      await probe.settled()
      return [{ status: 0, lines: [], body, complete: false, closed: undefined }]
    },
    gets: { body: 'waits' },
    outcomes: [{ aborted: true }],
    needs: ['socket'],
  },
]

/** More than the buffers of both sockets hold. */
const BOUND = 64 * 1024 * 1024
