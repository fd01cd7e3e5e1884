import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type HeaderTable, newTable } from './new-table.js'

/**
 * Node keeps the headers of a response in one table behind a symbol. Headers that were checked once
 * are put there directly, without the checks of `setHeader`:
 * docs/decisions/0004-write-to-the-header-table-of-node.md
 */
const { setHeader } = ServerResponse.prototype

const TABLE: symbol | undefined = isNodesOwn(setHeader) ? findTable() : undefined

type Keeper = Record<symbol, HeaderTable | null | undefined>

/**
 * The table of a response, made if no header was set yet. `undefined` where only `setHeader` will
 * do: the headers are sent, `setHeader` is wrapped, the response is HTTP/2, or this Node has
 * another table.
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
 * Whether it is Node's function, and not the wrapper of an agent that was loaded first. Only Node's
 * source names that symbol.
 */
function isNodesOwn(method: (...args: never[]) => unknown): boolean {
  return Function.prototype.toString.call(method).includes('[kOutHeaders]')
}

/** The symbol of the table, if the table and Node's public calls agree. */
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
