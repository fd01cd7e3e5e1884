import { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Request, Response } from 'express'

/**
 * Gives the requests and responses of Express one hidden class. Express changes their prototype,
 * and V8 before version 13 then makes a class for each object:
 * docs/decisions/0006-make-express-objects-with-room.md
 */
export class HiddenClasses {
  private readonly seen = new WeakSet<Server>()

  /** Call it once for each request, before anything else is done with it. */
  share(req: Request, res: Response): void {
    if (!HAS_LONE_CLASSES || this.isBornForItsApp(req)) return
    putAgain(req, 'res')
    putAgain(res, 'req')
  }

  private isBornForItsApp(req: Request): boolean {
    const server = (req.socket as { server?: Server } | undefined)?.server
    if (server === undefined) return false
    if (requestPrototypeOf(server) === Object.getPrototypeOf(req)) return true
    if (!this.seen.has(server)) {
      this.seen.add(server)
      adoptPrototypes(server, req.app as unknown as App)
    }
    return false
  }
}

/**
 * Takes an own property away and puts the same one back. The object is a dictionary then, and all
 * dictionaries of one prototype share a hidden class. A property that is absent or fixed stays.
 */
function putAgain(object: object, name: string): void {
  const property = Reflect.getOwnPropertyDescriptor(object, name)
  if (property === undefined || !Reflect.deleteProperty(object, name)) return
  Reflect.defineProperty(object, name, property)
}

/** Bun reports a version of V8 too. */
const HAS_LONE_CLASSES =
  process.versions['bun'] === undefined && Number.parseInt(process.versions.v8, 10) < 13

/**
 * The symbols behind which a server keeps the two classes of its requests and responses. Node does
 * not promise them: they are used only if they are found when this module is loaded.
 */
const INCOMING = symbolOf('IncomingMessage', IncomingMessage)
const RESPONSE = symbolOf('ServerResponse', ServerResponse)

type Classes = Record<symbol, { readonly prototype: object } | undefined>

/** An Express application, as far as it matters here. */
interface App {
  readonly request: object
  readonly response: object
  /** Where it is mounted. */
  readonly parent?: App
}

/** The events whose listeners are given a request or a response. */
const HANDING_OUT = ['request', 'upgrade', 'connect', 'checkContinue', 'checkExpectation']

/** The prototype of the requests that the server makes; `undefined` where it is not known. */
function requestPrototypeOf(server: Server): object | undefined {
  return INCOMING === undefined ? undefined : (server as unknown as Classes)[INCOMING]?.prototype
}

/**
 * Lets a server make its requests and responses with the prototypes of the application, for as long
 * as the application is its one listener: docs/decisions/0006-make-express-objects-with-room.md
 *
 * Nothing changes on a server that was given classes of its own, nor where a prototype has an
 * accessor for what Node assigns.
 */
function adoptPrototypes(server: Server, mounted: App): void {
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

/** The application that the server calls, in which the others are mounted. */
function outermost(app: App): App {
  let at = app
  for (let depth = 0; at.parent !== undefined && depth < DEEPEST_MOUNT; depth++) at = at.parent
  return at
}

/** Whether the properties that Node assigns can be assigned to an object with this prototype. */
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
 * A class of Node's with another prototype. With `Reflect.construct` each object would have its own
 * hidden class again.
 */
function withPrototype(base: NodeClass, prototype: object): { readonly prototype: object } {
  function Born(this: object, first: unknown, options: unknown): void {
    base.call(this, first, options)
  }
  Born.prototype = prototype
  // V8 makes room for what the functions on this chain assign. Otherwise Node's do not fit.
  Object.setPrototypeOf(Born, base)
  return Born
}

function symbolOf(description: string, base: NodeClass): symbol | undefined {
  const server = new Server() as unknown as Classes
  return Object.getOwnPropertySymbols(server).find(
    symbol => symbol.description === description && server[symbol] === base,
  )
}
