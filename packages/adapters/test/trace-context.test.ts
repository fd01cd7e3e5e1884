import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNode } from '@palisade/adapters/node'
import { pipeline } from '@palisade/core'
import { type Trace, traceContext, traceparentOf } from '@palisade/metrics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * The cases of the W3C's conformance harness for trace context, levels 1 and 2, by their names in
 * https://github.com/w3c/trace-context/blob/main/test/test.py
 *
 * Each sends header lines to a service, and looks at the headers that the service sends along with
 * calls of its own. Here the service answers with those headers.
 */

const TRACE = '12345678901234567890123456789012'
const SPAN = '1234567890123456'
const VALID = `00-${TRACE}-${SPAN}-00`

const edge = pipeline().use(traceContext())
const server = createServer(
  toNode(edge, (_req, res, ctx) => {
    const { trace } = ctx.state
    res.end(JSON.stringify({ traceparent: traceparentOf(trace), tracestate: trace.state ?? '' }))
  }),
)

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => void server.close())

type Lines = readonly (readonly [name: string, value: string])[]

interface Sent {
  readonly traceId: string
  readonly parentId: string
  readonly flags: number
  readonly state: ReadonlyMap<string, string>
  readonly tracestate: string
}

async function send(...lines: Lines): Promise<Sent> {
  const { port } = server.address() as AddressInfo
  const outgoing = request({
    port,
    host: '127.0.0.1',
    headers: ['Host', 'a', ...lines.flat()] as never,
  }).end()
  const [response] = await once(outgoing, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  const { traceparent, tracestate } = JSON.parse(body) as Record<'traceparent' | 'tracestate', string>
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent)
  expect(match, 'expects a valid traceparent').not.toBeNull()
  const [, traceId = '', parentId = '', flags = ''] = match ?? []
  const members = tracestate.split(',').filter(Boolean)
  const state = new Map(members.map(one => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]))
  return { traceId, parentId, flags: Number.parseInt(flags, 16), state, tracestate }
}

const parent = (value: string) => ['traceparent', value] as const
const state = (value: string) => ['tracestate', value] as const
const withState = (...values: string[]) => send(parent(VALID), ...values.map(state))

describe('traceparent', () => {
  it('test_both_traceparent_and_tracestate_missing', async () => {
    expect((await send()).state.size).toBe(0)
  })

  it('test_traceparent_included_tracestate_missing', async () => {
    const { traceId, parentId } = await send(parent(`00-${TRACE}-${SPAN}-01`))
    expect(traceId).toBe(TRACE)
    expect(parentId).not.toBe(SPAN)
  })

  it('test_traceparent_duplicated', async () => {
    const other = `${TRACE.slice(0, -1)}1`
    const { traceId } = await send(parent(`00-${other}-${SPAN}-01`), parent(`00-${TRACE}-${SPAN}-01`))
    expect([TRACE, other]).not.toContain(traceId)
  })

  it.each(['trace-parent', 'trace.parent'])('test_traceparent_header_name: %s', async name => {
    expect((await send([name, VALID])).traceId).not.toBe(TRACE)
  })

  it.each(['TraceParent', 'TrAcEpArEnT', 'TRACEPARENT'])(
    'test_traceparent_header_name_valid_casing: %s',
    async name => {
      expect((await send([name, VALID])).traceId).toBe(TRACE)
    },
  )

  it.each([
    ['test_traceparent_version_0x00', `00-${TRACE}-${SPAN}-01.`],
    ['test_traceparent_version_0x00', `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['test_traceparent_version_0xcc', `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`],
    ['test_traceparent_version_0xff', `ff-${TRACE}-${SPAN}-01`],
    ['test_traceparent_version_illegal_characters', `.0-${TRACE}-${SPAN}-01`],
    ['test_traceparent_version_illegal_characters', `0.-${TRACE}-${SPAN}-01`],
    ['test_traceparent_version_too_long', `000-${TRACE}-${SPAN}-01`],
    ['test_traceparent_version_too_long', `0000-${TRACE}-${SPAN}-01`],
    ['test_traceparent_version_too_short', `0-${TRACE}-${SPAN}-01`],
    ['test_traceparent_trace_id_all_zero', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['test_traceparent_trace_id_illegal_characters', `00-.${TRACE.slice(1)}-${SPAN}-01`],
    ['test_traceparent_trace_id_illegal_characters', `00-${TRACE.slice(0, -1)}.-${SPAN}-01`],
    ['test_traceparent_trace_id_too_long', `00-${TRACE}3-${SPAN}-01`],
    ['test_traceparent_trace_id_too_short', `00-${TRACE.slice(0, -1)}-${SPAN}-01`],
    ['test_traceparent_parent_id_all_zero', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['test_traceparent_parent_id_illegal_characters', `00-${TRACE}-.${SPAN.slice(1)}-01`],
    ['test_traceparent_parent_id_illegal_characters', `00-${TRACE}-${SPAN.slice(0, -1)}.-01`],
    ['test_traceparent_parent_id_too_long', `00-${TRACE}-${SPAN}7-01`],
    ['test_traceparent_parent_id_too_short', `00-${TRACE}-${SPAN.slice(0, -1)}-01`],
    ['test_traceparent_trace_flags_illegal_characters', `00-${TRACE}-${SPAN}-.0`],
    ['test_traceparent_trace_flags_illegal_characters', `00-${TRACE}-${SPAN}-0.`],
    ['test_traceparent_trace_flags_too_long', `00-${TRACE}-${SPAN}-001`],
    ['test_traceparent_trace_flags_too_short', `00-${TRACE}-${SPAN}-1`],
  ])('%s: %s begins a new trace', async (_name, value) => {
    const { traceId } = await send(parent(value))
    expect(traceId).not.toBe(TRACE)
    expect(traceId).not.toMatch(/^0+$/)
  })

  it.each([`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`])(
    'test_traceparent_version_0xcc: %s goes on',
    async value => {
      expect((await send(parent(value))).traceId).toBe(TRACE)
    },
  )

  it.each([` ${VALID}`, `\t${VALID}`, `${VALID} `, `${VALID}\t`, `\t ${VALID} \t`])(
    'test_traceparent_ows_handling: %j',
    async value => {
      expect((await send(parent(value))).traceId).toBe(TRACE)
    },
  )

  it('test_multiple_requests_with_valid_traceparent', async () => {
    const sent = [await send(parent(VALID)), await send(parent(VALID)), await send(parent(VALID))]
    expect(new Set(sent.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]))
    expect(new Set(sent.map(({ parentId }) => parentId)).size).toBe(3)
  })

  it.each([[[]], [[parent(`00-${'0'.repeat(32)}-${SPAN}-01`)]]])(
    'test_multiple_requests_without_traceparent and _with_illegal_traceparent: %j',
    async lines => {
      const sent = [await send(...lines), await send(...lines), await send(...lines)]
      expect(new Set(sent.map(({ parentId }) => parentId)).size).toBe(3)
    },
  )

  it.each([
    ['02', 2],
    ['03', 3],
    ['01', 1],
    ['fe', 2],
  ])('test_propagates_random_flag: %s', async (flags, expected) => {
    const { traceId, parentId, flags: sent } = await send(parent(`00-${TRACE}-${SPAN}-${flags}`))
    expect([traceId, sent]).toEqual([TRACE, expected])
    expect(parentId).not.toBe(SPAN)
  })
})

describe('tracestate', () => {
  it('test_tracestate_included_traceparent_missing', async () => {
    expect((await send(state('foo=1'))).state.size).toBe(0)
    expect((await send(state('foo=1,bar=2'))).state.size).toBe(0)
  })

  it('test_tracestate_included_traceparent_included', async () => {
    const sent = await withState('foo=1,bar=2')
    expect(sent.traceId).toBe(TRACE)
    expect(sent.state).toEqual(
      new Map([
        ['foo', '1'],
        ['bar', '2'],
      ]),
    )
  })

  it.each(['trace-state', 'trace.state'])('test_tracestate_header_name: %s', async name => {
    expect((await send(parent(VALID), [name, 'foo=1'])).state.size).toBe(0)
  })

  it.each(['TraceState', 'TrAcEsTaTe', 'TRACESTATE'])(
    'test_tracestate_header_name_valid_casing: %s',
    async name => {
      expect((await send(parent(VALID), [name, 'foo=1'])).tracestate).toBe('foo=1')
    },
  )

  it('test_tracestate_empty_header', async () => {
    expect((await withState('')).tracestate).toBe('')
    expect((await withState('foo=1', '')).tracestate).toBe('foo=1')
    expect((await withState('', 'foo=1')).tracestate).toBe('foo=1')
  })

  it('test_tracestate_multiple_headers_different_keys', async () => {
    const { tracestate } = await withState('foo=1,bar=2', 'rojo=1,congo=2', 'baz=3')
    expect(tracestate).toBe('foo=1,bar=2,rojo=1,congo=2,baz=3')
  })

  it.each([[['foo=1,foo=1']], [['foo=1,foo=2']], [['foo=1', 'foo=1']], [['foo=1', 'foo=2']]])(
    'test_tracestate_duplicated_keys: %j',
    async lines => {
      const sent = await withState(...lines)
      expect([sent.traceId, sent.tracestate]).toEqual([TRACE, 'foo=1'])
    },
  )

  it('test_tracestate_all_allowed_characters', async () => {
    const span = (from: number, to: number) =>
      String.fromCharCode(...Array.from({ length: to - from + 1 }, (_, i) => from + i))
    const key = `${span(0x61, 0x7a)}0123456789_-*/`
    const value = `${span(0x20, 0x2b)}${span(0x2d, 0x3c)}${span(0x3e, 0x7e)}`
    for (const one of [key, `${key}@a-z0-9_-*/`])
      expect((await withState(`${one}=${value}`)).state.get(one)).toBe(value)
  })

  it.each([
    ['foo=1 \t , \t bar=2, \t baz=3', 'foo=1,bar=2,baz=3'],
    ['foo=1\t \t,\t \tbar=2,\t \tbaz=3', 'foo=1,bar=2,baz=3'],
    [' foo=1', 'foo=1'],
    ['\tfoo=1', 'foo=1'],
    ['foo=1 ', 'foo=1'],
    ['foo=1\t', 'foo=1'],
    ['\t foo=1 \t', 'foo=1'],
  ])('test_tracestate_ows_handling: %j', async (value, expected) => {
    expect((await withState(value)).tracestate).toBe(expected)
  })

  const bars = (last: number) =>
    Array.from({ length: last }, (_, i) => String(i + 1).padStart(2, '0')).map(n => `bar${n}=${n}`)

  it.each([
    ['test_tracestate_key_illegal_characters', ['foo =1']],
    ['test_tracestate_key_illegal_characters', ['FOO=1']],
    ['test_tracestate_key_illegal_characters', ['foo.bar=1']],
    ['test_tracestate_key_illegal_vendor_format', ['@foo=1,bar=2']],
    ['test_tracestate_member_count_limit', [bars(10).join(), bars(33).slice(10).join()]],
    ['test_tracestate_key_length_limit', ['foo=1', `${'z'.repeat(257)}=1`]],
    ['test_tracestate_value_illegal_characters', ['foo=bar=baz']],
    ['test_tracestate_value_illegal_characters', ['foo=,bar=3']],
  ])('%s: %j is discarded', async (_name, lines) => {
    const sent = await withState(...lines)
    expect([sent.traceId, sent.tracestate]).toEqual([TRACE, ''])
  })

  it.each([
    ['test_tracestate_key_illegal_vendor_format', ['foo@=1,bar=2']],
    ['test_tracestate_key_illegal_vendor_format', ['foo@@bar=1,bar=2']],
    ['test_tracestate_key_illegal_vendor_format', ['foo@bar@baz=1,bar=2']],
    ['test_tracestate_member_count_limit', [bars(10).join(), bars(32).slice(10).join()]],
    ['test_tracestate_key_length_limit', ['foo=1', `${'z'.repeat(256)}=1`]],
    ['test_tracestate_key_length_limit', ['foo=1', `${'t'.repeat(241)}@${'v'.repeat(14)}=1`]],
    ['test_tracestate_key_length_limit', ['foo=1', `${'t'.repeat(242)}@v=1`]],
    ['test_tracestate_key_length_limit', ['foo=1', `t@${'v'.repeat(15)}=1`]],
  ])('%s: %j is inherited', async (_name, lines) => {
    expect((await withState(...lines)).tracestate).toBe(lines.join())
  })
})

describe('ids of our own', () => {
  it('given no trace, then the id is random and says so (level 2)', async () => {
    expect((await send()).flags).toBe(2)
  })

  it('given the type of a trace, then it can be written without flags', () => {
    const trace: Pick<Trace, 'traceId' | 'spanId' | 'sampled'> = {
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
    }
    expect(traceparentOf(trace)).toBe(`00-${TRACE}-${SPAN}-01`)
  })
})
