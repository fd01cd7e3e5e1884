import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import { type Outcome, pipeline } from '@palisade/core'
import { Hono } from 'hono'
import { expect, test } from 'vitest'

test.each([
  ['no response', () => undefined],
  ['a response that was sent before', () => SENT],
  ['a response that somebody reads', () => READ],
])(
  'given a handler that returns %s when it is asked then it is a 500 of the pipeline, with one outcome, by call and on Hono',
  async (_title, handler) => {
    await SENT.text().catch(() => {})
    const app = new Hono()
    const seen: Outcome[] = []
    const logs: string[] = []
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (_: object, message = '') => logs.push(message),
    }
    const edge = () =>
      pipeline({ logger, production: true }).use({
        name: 'sees',
        onRequest: ctx => ctx.setHeader('X-Early', 'yes'),
        onResponse: (_ctx, outcome) => void seen.push(outcome),
      })
    app.use(toHono(edge()))
    app.get('/', handler as () => Response)
    for (const serve of [toFetch(edge(), handler as () => Response), app.fetch]) {
      const answer = await serve(new Request('http://localhost/'))
      expect([answer.status, answer.headers.get('x-early'), await answer.json()]).toEqual([
        500,
        'yes',
        { error: expect.objectContaining({ code: 'INTERNAL_ERROR' }) },
      ])
    }
    expect(seen).toMatchObject([
      { status: 500, aborted: false, error: expect.any(TypeError) },
      { status: 500, aborted: false, error: expect.any(TypeError) },
    ])
    expect(logs).toEqual(['the handler failed', 'the handler failed'])
  },
)

const SENT = new Response('hello')
const READ = new Response('hello')
READ.body?.getReader()

test.each([
  ['of a number', '2', 2],
  ['of words', 'many', undefined],
  ['that is empty', '', undefined],
  ['below nothing', '-2', undefined],
  ['in another notation', '0x2', undefined],
  ['that no number holds', '9'.repeat(20), undefined],
])(
  'given a handler that tells a length %s when it answers then the outcome has it only if it is one',
  async (_title, length, told) => {
    const outcomes: Outcome[] = []
    const serve = toFetch(
      pipeline().use({ name: 'sees', onResponse: (_ctx, outcome) => void outcomes.push(outcome) }),
      () => new Response('ok', { headers: { 'Content-Length': length } }),
    )
    await (await serve(new Request('http://localhost/'))).text()
    expect(outcomes.map(({ responseBytes }) => responseBytes)).toEqual([told])
  },
)
