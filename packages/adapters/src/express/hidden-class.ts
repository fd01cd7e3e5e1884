import type { Server } from 'node:http'
import type { Request, Response } from 'express'
import { type App, adoptPrototypes, requestPrototypeOf } from './server-classes.js'

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
