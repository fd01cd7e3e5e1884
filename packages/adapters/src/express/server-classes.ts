import { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/**
 * A server makes its requests and responses with two classes that it keeps behind symbols; `createServer({ IncomingMessage, ServerResponse })`
 * sets them. The symbols are no promise of Node's: they are used only if they are found when this module is loaded.
 */
const INCOMING = symbolOf('IncomingMessage', IncomingMessage)
const RESPONSE = symbolOf('ServerResponse', ServerResponse)

type Classes = Record<symbol, { readonly prototype: object } | undefined>

/** An Express application, as far as it matters here. */
export interface App {
  readonly request: object
  readonly response: object
  /** Where it is mounted. */
  readonly parent?: App
}

/** The prototype of the requests that the server makes; `undefined` where that cannot be told. */
export function requestPrototypeOf(server: object): object | undefined {
  return INCOMING === undefined ? undefined : (server as Classes)[INCOMING]?.prototype
}

/**
 * Lets a server make its requests and responses with the prototypes of the application, so that what Express does to each of them -
 * `Object.setPrototypeOf` - changes nothing. What else listens on that server meets them with Express' methods, as if it came after Express.
 *
 * Nothing happens to a server that was given classes of its own, nor where a prototype defines how to read or write what Node assigns.
 */
export function adoptPrototypes(server: object, app: App): void {
  const classes = server as Classes
  if (INCOMING === undefined || classes[INCOMING] !== IncomingMessage) return
  if (RESPONSE === undefined || classes[RESPONSE] !== ServerResponse) return
  const { request, response } = outermost(app)
  const sample = new IncomingMessage(new Socket())
  if (!isPlain(request, IncomingMessage, [...Object.keys(sample), 'res'])) return
  if (!isPlain(response, ServerResponse, [...Object.keys(new ServerResponse(sample)), 'req'])) return
  classes[INCOMING] = withPrototype(IncomingMessage, request)
  classes[RESPONSE] = withPrototype(ServerResponse, response)
}

const DEEPEST_MOUNT = 100

/** The one that the server calls: it comes first, and gives the request back to it after a mounted one. */
function outermost(app: App): App {
  let at = app
  for (let depth = 0; at.parent !== undefined && depth < DEEPEST_MOUNT; depth++) at = at.parent
  return at
}

/** Whether the properties can be assigned to an object with this prototype as to one of the class. */
function isPlain(prototype: object, base: NodeClass, names: readonly string[]): boolean {
  for (let at: object | null = prototype; at !== base.prototype; at = Object.getPrototypeOf(at)) {
    if (at === null) return false
    for (const name of names)
      if (Object.getOwnPropertyDescriptor(at, name)?.writable !== true && Object.hasOwn(at, name))
        return false
  }
  return true
}

type NodeClass = (typeof IncomingMessage | typeof ServerResponse) & Function

/**
 * A class of Node's with another prototype. Not `class extends` or `Reflect.construct`: a class cannot be given a prototype, and what is constructed for
 * another target gets a hidden class for itself again.
 */
function withPrototype(base: NodeClass, prototype: object): { readonly prototype: object } {
  function Born(this: object, first: unknown, options: unknown): void {
    base.call(this, first, options)
  }
  Born.prototype = prototype
  return Born
}

function symbolOf(description: string, base: NodeClass): symbol | undefined {
  const server = new Server() as unknown as Classes
  return Object.getOwnPropertySymbols(server).find(
    symbol => symbol.description === description && server[symbol] === base,
  )
}
