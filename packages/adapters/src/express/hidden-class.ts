import type { Server } from 'node:http'
import type { Request, Response } from 'express'
import { type App, adoptPrototypes, requestPrototypeOf } from './server-classes.js'

/**
 * Express changes the prototype of each request and response and gives them properties afterwards. Before version 13 (Node 24), V8 then makes a hidden
 * class for that one object: no inline cache ever knows it, some 130 property accesses a request, most of them Node's and Express's own, take
 * the way through V8's runtime, 0.4 us each, and collecting the hidden classes stops the process for milliseconds some twenty times a second.
 *
 * So the server makes its next requests and responses with the right prototype. Where it cannot - others listen on it too, it has classes of its own, a
 * mounted application changes the prototype once more - the object loses a property which is not its last and gets it back. That makes it a dictionary, and all
 * dictionaries of one prototype share one hidden class, though those from before must still be collected.
 */
export class HiddenClasses {
  private readonly seen = new WeakSet<Server>()

  /** To be called once for each request, before anything else is done with it. */
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

/** Takes an own property away and puts the same one back. What is not there, or cannot be taken, stays as it is. */
function putAgain(object: object, name: string): void {
  const property = Reflect.getOwnPropertyDescriptor(object, name)
  if (property === undefined || !Reflect.deleteProperty(object, name)) return
  Reflect.defineProperty(object, name, property)
}

/** Other runtimes tell a version of V8, too, for what asks. */
const HAS_LONE_CLASSES =
  process.versions['bun'] === undefined && Number.parseInt(process.versions.v8, 10) < 13
