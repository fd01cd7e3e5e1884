import { pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { traceContext, traceparentOf } from '../../src/index.js'
import { parseTraceparent, validTracestate } from '../../src/tracing/traceparent.js'

const TRACE = '12345678901234567890123456789012'
const SPAN = '1234567890123456'
const parent = { traceId: TRACE, parentId: SPAN }

/** The cases of the W3C's own test suite, https://github.com/w3c/trace-context/blob/main/test/test.py */
describe('traceparent', () => {
  it.each<[string, boolean, boolean]>([
    [`00-${TRACE}-${SPAN}-01`, true, false],
    [`00-${TRACE}-${SPAN}-00`, false, false],
    [`00-${TRACE}-${SPAN}-ff`, true, true],
    [`00-${TRACE}-${SPAN}-02`, false, true],
    [`00-${TRACE}-${SPAN}-03`, true, true],
    [`cc-${TRACE}-${SPAN}-01`, true, false],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true, false],
    [`01-${TRACE}-${SPAN}-00-`, false, false],
  ])('given %s, then it is gone on with', (value, sampled, random) => {
    expect(parseTraceparent(value)).toEqual({ ...parent, sampled, random })
  })

  it.each([
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 with more behind', `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['version 00 with a dash behind', `00-${TRACE}-${SPAN}-01-`],
    ['version 00 with a dot behind', `00-${TRACE}-${SPAN}-01.`],
    ['a higher version with a dot behind', `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`],
    ['a version with a dot', `.0-${TRACE}-${SPAN}-01`],
    ['a version of one digit', `0-${TRACE}-${SPAN}-01`],
    ['a version of three digits', `000-${TRACE}-${SPAN}-01`],
    ['upper case in the version', `CC-${TRACE}-${SPAN}-01`],
    ['upper case in the trace id', `00-${'ABCDEF12'.repeat(4)}-${SPAN}-01`],
    ['upper case in the parent id', `00-${TRACE}-ABCDEF1234567890-01`],
    ['upper case in the flags', `00-${TRACE}-${SPAN}-0A`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a trace id that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a trace id that is too long', `00-${TRACE}0-${SPAN}-01`],
    ['a trace id with a dot', `00-.${TRACE.slice(1)}-${SPAN}-01`],
    ['a parent id that is too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['a parent id that is too long', `00-${TRACE}-${SPAN}0-01`],
    ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['flags of three digits', `00-${TRACE}-${SPAN}-001`],
    ['flags with a dot', `00-${TRACE}-${SPAN}-.0`],
    ['two lines', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['two lines of a higher version', `cc-${TRACE}-${SPAN}-01, cc-${TRACE}-${SPAN}-01`],
    ['no dashes', `00${TRACE}${SPAN}01`],
    ['nothing', ''],
    ['more than anybody sends', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`],
  ])('given %s, then a new trace begins, without state', async (_what, traceparent) => {
    expect(parseTraceparent(traceparent)).toBeUndefined()
    const headers = { traceparent, tracestate: 'foo=1' }
    const { state } = await inject(pipeline().use(traceContext()), { headers })
    expect(state.trace).toMatchObject({ parentId: undefined, sampled: false, state: undefined })
    expect(state.trace.traceId).not.toBe(TRACE)
  })

  it('given 55 characters of version 00, then the ids are in them, and what is made is read again', () => {
    const id = (length: number) =>
      fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter(text => !/^0+$/.test(text))
    fc.assert(
      fc.property(id(32), id(16), fc.boolean(), fc.boolean(), (traceId, spanId, sampled, random) => {
        const value = traceparentOf({ traceId, spanId, sampled, random })
        expect(value).toHaveLength(55)
        expect(parseTraceparent(value)).toEqual({ traceId, parentId: spanId, sampled, random })
      }),
    )
  })
})

describe('tracestate', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`).join(',')

  it.each([
    ['foo=1', 'foo=1'],
    ['foo=1,bar=2', 'foo=1,bar=2'],
    ['foo=1 \t , \t bar=2', 'foo=1,bar=2'],
    ['foo=1,,bar=2,', 'foo=1,bar=2'],
    ['foo@vendor=1', 'foo@vendor=1'],
    ['0a_-*/=1', '0a_-*/=1'],
    ['foo=1,bar=2,foo=3', 'foo=1,bar=2'],
    ['foo= 1 2', 'foo= 1 2'],
    [`${'z'.repeat(256)}=${'v'.repeat(256)}`, `${'z'.repeat(256)}=${'v'.repeat(256)}`],
    [many(32), many(32)],
  ])('given "%s", then it is passed on', (value, passed) => {
    expect(validTracestate(value)).toBe(passed)
  })

  it.each([
    ['no value', 'foo'],
    ['an empty value', 'foo='],
    ['an empty key', '=1'],
    ['an = in a value', 'foo=1=2'],
    ['a space in a key', 'foo =1'],
    ['upper case', 'FOO=1'],
    ['a dot in a key', 'foo.bar=1'],
    ['an @ in front', '@foo=1'],
    ['a key that is too long', `${'z'.repeat(257)}=1`],
    ['a value that is too long', `foo=${'v'.repeat(257)}`],
    ['a control character', 'foo=a\u0007'],
    ['letters beyond ASCII', 'foo=ä'],
    ['33 members', many(33)],
    ['more than anybody sends', `foo=1${','.repeat(9000)}`],
    ['nothing', ''],
    ['commas', ',,,'],
  ])('given %s, then it is left out, and the trace goes on', async (_what, tracestate) => {
    expect(validTracestate(tracestate)).toBeUndefined()
    const traceparent = `00-${TRACE}-${SPAN}-01`
    // Text beyond Latin-1 cannot be a field value; what is beyond ASCII is seen above.
    const headers = { traceparent, ...(/^[\t\x20-\x7e]*$/.test(tracestate) && { tracestate }) }
    const { state } = await inject(pipeline().use(traceContext()), { headers })
    expect(state.trace).toMatchObject({ traceId: TRACE, parentId: SPAN, sampled: true, state: undefined })
  })

  it('given several lines, then they are one list', async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: ['foo=1', 'bar=2'] }
    const { state } = await inject(pipeline().use(traceContext()), { headers })
    expect(state.trace.state).toBe('foo=1,bar=2')
  })
})

describe('traceContext()', () => {
  it('given a trace, then this request is a span of its own in it', async () => {
    const { state } = await inject(pipeline().use(traceContext()), {
      headers: { traceparent: `00-${TRACE}-${SPAN}-01` },
    })
    expect(state.trace).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^(?!0+$)[0-9a-f]{16}$/),
      parentId: SPAN,
      sampled: true,
      random: false,
      state: undefined,
    })
    expect(state.trace.spanId).not.toBe(SPAN)
    expect(traceparentOf(state.trace)).toBe(`00-${TRACE}-${state.trace.spanId}-01`)
  })

  it('given none, then each request begins one of its own', async () => {
    const edge = pipeline().use(traceContext())
    const [a, b] = [(await inject(edge)).state.trace, (await inject(edge)).state.trace]
    expect(a.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/)
    expect(a.traceId).not.toBe(b.traceId)
  })
})

describe('sampled', () => {
  it.each([
    [true, '03'],
    [false, '02'],
    [() => true, '03'],
    [(ctx: { path: string }) => ctx.path === '/b', '02'],
    [undefined, '02'],
  ])('given %s and no trace, then the flags are %s', async (sampled, flags) => {
    const options = sampled === undefined ? {} : { sampled }
    const { state } = await inject(pipeline().use(traceContext(options)), { url: '/a' })
    expect(traceparentOf(state.trace).slice(-2)).toBe(flags)
  })

  it("given a trace of the caller's, then its flag is kept, and the option is not asked", async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00` }
    const sampled = () => {
      throw new Error('asked')
    }
    const { state } = await inject(pipeline().use(traceContext({ sampled })), { headers })
    expect(state.trace.sampled).toBe(false)
  })

  it.each([1, 'yes', null, undefined, Promise.resolve(true)])(
    'given a function that returns %s, then the request is refused',
    async value => {
      const { status } = await inject(quiet().use(traceContext({ sampled: (() => value) as never })))
      expect(status).toBe(500)
    },
  )

  it.each([1, 'yes', null, {}])('given the option %s, then it is a ConfigError', sampled => {
    expect(() => traceContext({ sampled: sampled as never })).toThrow(/sampled.*true, false, or a function/)
  })
})

describe('activeSpan', () => {
  const OTHER = 'abcdef12345678901234567890123456'
  const span = { traceId: OTHER, spanId: 'abcdef1234567890', traceFlags: 1 }

  it('given an active span, then its ids and flags are those of the request', async () => {
    const edge = pipeline().use(traceContext({ activeSpan: () => span }))
    const { state } = await inject(edge, { headers: { traceparent: `00-${TRACE}-${SPAN}-00` } })
    expect(state.trace).toEqual({
      traceId: OTHER,
      spanId: 'abcdef1234567890',
      parentId: undefined,
      sampled: true,
      random: false,
      state: undefined,
    })
  })

  it("given an active span in the caller's trace, then parent and tracestate are the caller's", async () => {
    const edge = pipeline().use(
      traceContext({ activeSpan: () => ({ ...span, traceId: TRACE, traceFlags: 3 }) }),
    )
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'foo=1' }
    const { state } = await inject(edge, { headers })
    expect(state.trace).toMatchObject({ traceId: TRACE, parentId: SPAN, state: 'foo=1', random: true })
  })

  it.each([undefined, { ...span, traceId: '0'.repeat(32) }, { ...span, spanId: '0'.repeat(16) }])(
    'given %j, then there is no active span and the headers decide',
    async value => {
      const edge = pipeline().use(traceContext({ activeSpan: () => value }))
      const { state } = await inject(edge, { headers: { traceparent: `00-${TRACE}-${SPAN}-01` } })
      expect(state.trace).toMatchObject({ traceId: TRACE, parentId: SPAN, sampled: true })
    },
  )

  it.each([
    null,
    true,
    'id',
    {},
    { ...span, traceId: 'x' },
    { ...span, traceId: OTHER.toUpperCase() },
    { ...span, spanId: undefined },
    { ...span, spanId: 'x' },
    { ...span, traceFlags: '1' },
    Promise.resolve(span),
  ])('given %j, then the request is refused', async value => {
    const { status } = await inject(quiet().use(traceContext({ activeSpan: (() => value) as never })))
    expect(status).toBe(500)
  })
})

const quiet = () => pipeline({ logger: { debug() {}, info() {}, warn() {}, error() {} } })
