import { IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { type Pipeline, pipeline } from '@palisade/core'
import { describe, expect, it, vi } from 'vitest'
import { headerTableOf } from '../src/node-http/header-table.js'
import { NodeContext } from '../src/node-http/node-context.js'

const CONSTANT = [
  ['X-One', '1'],
  ['X-Two', '2'],
] as const

function contextFor(change: (res: ServerResponse) => void = () => {}): {
  ctx: NodeContext
  res: ServerResponse
} {
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  change(res)
  const edge: Pipeline = pipeline()
  return { ctx: new NodeContext(edge.compile(), req, res), res }
}

const sentBy = (res: ServerResponse) => Object.entries(res.getHeaders()).map(([name, value]) => [name, value])

describe("Node's table of headers", () => {
  it('given this Node when headers are set then they are in the table that Node itself goes on with', () => {
    const { ctx, res } = contextFor()
    ctx.setHeader('X-First', '1')
    res.setHeader('X-Second', '2')
    expect(headerTableOf(res)).toEqual({ 'x-first': ['X-First', '1'], 'x-second': ['X-Second', '2'] })
  })

  it('given thirty headers when they are set then V8 has not made a dictionary of the table, which would be sorted for each answer', () => {
    setFlagsFromString('--allow-natives-syntax')
    const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean
    const { ctx, res } = contextFor()
    for (let i = 0; i < 30; i++) ctx.setHeader(`X-Number-${i}`, 'a')
    expect(isFast(headerTableOf(res) as object)).toBe(true)
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'given no header named %s when it is asked for then there is none',
    name => {
      const { ctx, res } = contextFor()
      ctx.setHeader('X-First', '1')
      expect([res.getHeader(name), res.hasHeader(name)]).toEqual([undefined, false])
      ctx.setHeader(name, 'a')
      expect(res.getHeader(name)).toBe('a')
    },
  )

  it.each([
    ['as Node keeps them', () => {}],
    [
      'with setHeader wrapped',
      (res: ServerResponse) => {
        const { setHeader } = res
        res.setHeader = (name, value) => setHeader.call(res, name, value)
      },
    ],
  ])(
    'given headers %s when they are set, replaced, appended and removed then Node sends the same',
    (_title, change) => {
      const { ctx, res } = contextFor(change)
      ctx.setHeader('X-First', 'a')
      ctx.setHeaders(CONSTANT)
      ctx.setHeader('x-first', 'b')
      ctx.appendHeader('Vary', 'Origin')
      ctx.appendHeader('Vary', 'Accept')
      ctx.appendHeader('Set-Cookie', 'a=1')
      ctx.appendHeader('Set-Cookie', 'b=2')
      ctx.removeHeader('X-Two')
      expect(sentBy(res)).toEqual([
        ['x-first', 'b'],
        ['x-one', '1'],
        ['vary', 'Origin, Accept'],
        ['set-cookie', ['a=1', 'b=2']],
      ])
    },
  )

  it('given a header that Node adds by itself when it is removed then it is not sent', () => {
    const { ctx, res } = contextFor()
    ctx.setHeader('X-First', '1')
    ctx.removeHeader('Date')
    ctx.removeHeader('X-First')
    ctx.removeHeader('X-Absent')
    expect([res.sendDate, sentBy(res)]).toEqual([false, []])
  })

  it('given somebody who wraps setHeader when headers are set then it sees every one', () => {
    const seen: string[] = []
    const { ctx } = contextFor(res => {
      const { setHeader } = res
      res.setHeader = (name, value) => {
        seen.push(name)
        return setHeader.call(res, name, value)
      }
    })
    ctx.setHeader('X-First', 'a')
    ctx.setHeaders(CONSTANT)
    expect(seen).toEqual(['X-First', 'X-One', 'X-Two'])
  })

  it('given somebody who wrapped setHeader for all responses before this module was loaded when headers are set then it sees every one', async () => {
    const { setHeader } = OutgoingMessage.prototype
    const seen: string[] = []
    OutgoingMessage.prototype.setHeader = function (name, value) {
      seen.push(name)
      return setHeader.call(this, name, value) as typeof this
    }
    try {
      vi.resetModules()
      const { NodeContext: Context } = await import('../src/node-http/node-context.js')
      const req = new IncomingMessage(new Socket())
      const ctx = new Context(pipeline().compile(), req, new ServerResponse(req))
      ctx.setHeader('X-First', 'a')
      ctx.setHeaders(CONSTANT)
      expect(seen).toEqual(['X-First', 'X-One', 'X-Two'])
    } finally {
      OutgoingMessage.prototype.setHeader = setHeader
    }
  })

  it('given one constant list when a response appends to its entry then no other response has it', () => {
    const [first, second] = [contextFor(), contextFor()]
    first.ctx.setHeaders(CONSTANT)
    first.ctx.appendHeader('X-One', 'more')
    second.ctx.setHeaders(CONSTANT)
    expect([first.res.getHeader('x-one'), second.res.getHeader('x-one')]).toEqual([['1', 'more'], '1'])
  })

  it.each([
    ['a line break in a value', 'X-A', 'a\r\nX-Evil: 1'],
    ['a NUL in a value', 'X-A', 'a\0'],
    ['a character above ISO 8859-1', 'X-A', '\u2603'],
    ['a blank in a name', 'X A', 'a'],
    ['an empty name', '', 'a'],
    ['a value that is no text', 'X-A', undefined as unknown as string],
  ])(
    'given %s when a header is set then it throws as Node does, with and without a table',
    (_title, name, value) => {
      const { ctx } = contextFor()
      expect(() => ctx.setHeader(name, value)).toThrow(TypeError)
      ctx.setHeader('X-First', '1')
      expect(() => ctx.setHeader(name, value)).toThrow(TypeError)
      expect(() => ctx.setHeaders([[name, value]])).toThrow(TypeError)
    },
  )

  it('given headers that are sent when one is set then it throws, as a header that nobody gets is a mistake', () => {
    const { ctx, res } = contextFor()
    ctx.setHeader('X-First', '1')
    res.writeHead(200)
    ctx.finish(200, false)
    expect(() => ctx.setHeader('X-Late', '1')).toThrow(/ERR_HTTP_HEADERS_SENT|after they are sent/)
  })
})
