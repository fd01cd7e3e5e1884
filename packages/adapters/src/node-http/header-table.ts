import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** The headers that a response of Node will send: the name in lower case to the name as given and its value. */
export type HeaderTable = Record<string, [name: string, value: string | number | readonly string[]]>

/**
 * Node keeps a response's headers in one table behind a symbol, and checks name and value again on each `setHeader`. A dozen constant headers
 * a request make that the largest part of what protection costs; on Express, where every response has a hidden class of its own, each call
 * costs several misses more. So constants, checked once, are put into the table directly.
 *
 * The table is no promise of Node's. It is used only if, when this module is loaded, it is found and a header put there is seen by each of the
 * public calls; otherwise all goes through `setHeader`.
 */
const TABLE: symbol | undefined = findTable()

const { setHeader } = ServerResponse.prototype

/**
 * A response's table, once it has one: after the first `setHeader`. `undefined` where Node's own way must be gone: the headers are sent, somebody wrapped
 * `setHeader` to see what is set, it is HTTP/2, or this Node keeps headers otherwise.
 */
export function headerTableOf(res: ServerResponse): HeaderTable | undefined {
  if (TABLE === undefined || res.setHeader !== setHeader || res.headersSent) return undefined
  return (res as unknown as Record<symbol, HeaderTable | undefined>)[TABLE] ?? undefined
}

function findTable(): symbol | undefined {
  const probe = new ServerResponse(new IncomingMessage(new Socket()))
  probe.setHeader('X-First', '1')
  const found = Object.getOwnPropertySymbols(probe).find(symbol => symbol.description === 'kOutHeaders')
  if (found === undefined) return undefined
  const table = (probe as unknown as Record<symbol, HeaderTable | null>)[found]
  const first: unknown = table?.['x-first']
  if (!Array.isArray(first) || first.length !== 2 || first[0] !== 'X-First' || first[1] !== '1')
    return undefined
  ;(table as HeaderTable)['x-second'] = ['X-Second', '2']
  const isSeen =
    probe.getHeader('X-Second') === '2' &&
    probe.hasHeader('x-second') &&
    probe.getHeaderNames().join() === 'x-first,x-second'
  probe.appendHeader('X-Second', '3')
  probe.removeHeader('X-First')
  const isShared =
    String(probe.getHeader('X-Second')) === '2,3' && probe.getHeaderNames().join() === 'x-second'
  return isSeen && isShared ? found : undefined
}
