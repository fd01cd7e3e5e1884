import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type HeaderTable, newTable } from './new-table.js'

/**
 * Node keeps a response's headers in one table behind a symbol, and checks name and value again on each `setHeader`. A dozen constant headers
 * a request make that the largest part of what protection costs; on Express, where every response has a hidden class of its own, each call
 * costs several misses more. So constants, checked once, are put into the table directly.
 *
 * The table is no promise of Node's. It is used only if, when this module is loaded, it is found and a header put there is seen by each of the
 * public calls, and `setHeader` is Node's own; otherwise all goes through `setHeader`.
 */
const { setHeader } = ServerResponse.prototype

const TABLE: symbol | undefined = isNodesOwn(setHeader) ? findTable() : undefined

type Keeper = Record<symbol, HeaderTable | null | undefined>

/**
 * A response's table, made if nothing was set yet. `undefined` where Node's own way must be gone: the headers are sent, somebody wrapped
 * `setHeader` to see what is set, it is HTTP/2, or this Node keeps headers otherwise.
 */
export function headerTableOf(res: ServerResponse): HeaderTable | undefined {
  if (TABLE === undefined || res.setHeader !== setHeader || res.headersSent) return undefined
  const keeper = res as unknown as Keeper
  const table = keeper[TABLE]
  if (table !== null) return table
  const made = newTable()
  keeper[TABLE] = made
  return made
}

/**
 * Whether it is what Node came with, and not what a tracing agent that was loaded first put on the prototype to see what is set. Nothing else tells them apart:
 * Node's functions are JavaScript, and only its own source uses the symbol by that name.
 */
function isNodesOwn(method: (...args: never[]) => unknown): boolean {
  return Function.prototype.toString.call(method).includes('[kOutHeaders]')
}

function findTable(): symbol | undefined {
  const probe = new ServerResponse(new IncomingMessage(new Socket()))
  const keeper = probe as unknown as Keeper
  const found = Object.getOwnPropertySymbols(probe).find(symbol => symbol.description === 'kOutHeaders')
  if (found === undefined || keeper[found] !== null) return undefined
  const table = newTable()
  table['x-first'] = ['X-First', '1']
  keeper[found] = table
  probe.setHeader('X-Second', '2')
  const second: unknown = table['x-second']
  if (!Array.isArray(second) || second.length !== 2 || second[0] !== 'X-Second' || second[1] !== '2')
    return undefined
  const isSeen =
    probe.getHeader('X-First') === '1' &&
    probe.hasHeader('x-first') &&
    probe.getHeaderNames().join() === 'x-first,x-second'
  probe.appendHeader('X-First', '3')
  probe.removeHeader('X-Second')
  const isShared =
    keeper[found] === table &&
    String(probe.getHeader('X-First')) === '1,3' &&
    probe.getHeaderNames().join() === 'x-first'
  return isSeen && isShared ? found : undefined
}
