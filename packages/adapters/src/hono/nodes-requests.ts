import { INCOMING } from './own-headers.js'

/**
 * Knows the requests that `@hono/node-server` made of Node's messages; middleware and the application make
 * others. The server does not export the symbol of that property, so it is looked for once.
 */
export class NodesRequests {
  private key: symbol | undefined = undefined

  has(raw: Request, incoming: object): boolean {
    if (this.key !== undefined && this.at(raw, this.key) === incoming) return true
    const key = Object.getOwnPropertySymbols(raw).find(one => one.description === INCOMING)
    if (key === undefined) return false
    this.key = key
    return this.at(raw, key) === incoming
  }

  private at(raw: Request, key: symbol): unknown {
    return (raw as unknown as Record<symbol, unknown>)[key]
  }
}
