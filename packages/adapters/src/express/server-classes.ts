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

/** The events whose listeners are given a request or a response. */
const HANDING_OUT = ['request', 'upgrade', 'connect', 'checkContinue', 'checkExpectation']

/** The prototype of the requests that the server makes; `undefined` where that cannot be told. */
export function requestPrototypeOf(server: Server): object | undefined {
  return INCOMING === undefined ? undefined : (server as unknown as Classes)[INCOMING]?.prototype
}

/**
 * Lets a server make its requests and responses with the prototypes of the application, so that what Express does to each of them -
 * `Object.setPrototypeOf` - changes nothing.
 *
 * Nobody but the application may meet them so: Express's prototypes have getters (`path`, `query`, `ip`) where others assign. So this is for a server whose
 * one listener is the application; as soon as another is added, or takes its place, the server has Node's classes again. Nothing happens to a
 * server that was given classes of its own, nor where a prototype defines how to read or write what Node assigns.
 */
export function adoptPrototypes(server: Server, mounted: App): void {
  const classes = server as unknown as Classes
  if (INCOMING === undefined || classes[INCOMING] !== IncomingMessage) return
  if (RESPONSE === undefined || classes[RESPONSE] !== ServerResponse) return
  const app = outermost(mounted)
  if (!isAlone(server, app)) return
  const sample = new IncomingMessage(new Socket())
  if (!isPlain(app.request, IncomingMessage, [...Object.keys(sample), 'res'])) return
  if (!isPlain(app.response, ServerResponse, [...Object.keys(new ServerResponse(sample)), 'req'])) return
  classes[INCOMING] = withPrototype(IncomingMessage, app.request)
  classes[RESPONSE] = withPrototype(ServerResponse, app.response)

  const giveBack = (event: string | symbol): void => {
    if (!HANDING_OUT.includes(event as string)) return
    server.off('newListener', giveBack)
    classes[INCOMING] = IncomingMessage
    classes[RESPONSE] = ServerResponse
  }
  server.on('newListener', giveBack)
}

function isAlone(server: Server, app: App): boolean {
  const listeners: unknown[] = HANDING_OUT.flatMap(event => server.listeners(event))
  return listeners.length === 1 && listeners[0] === app
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
  // V8 makes room for as many properties as the functions on this chain assign. Without it Node's 40 do not fit, and each
  // request and response is a dictionary.
  Object.setPrototypeOf(Born, base)
  return Born
}

function symbolOf(description: string, base: NodeClass): symbol | undefined {
  const server = new Server() as unknown as Classes
  return Object.getOwnPropertySymbols(server).find(
    symbol => symbol.description === description && server[symbol] === base,
  )
}
