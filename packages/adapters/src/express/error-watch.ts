import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express'

interface Layer {
  handle: unknown
  readonly route?: { readonly stack?: readonly Layer[] }
}

interface Router {
  readonly stack?: readonly Layer[]
}

interface App {
  readonly router?: Router
  use(handler: ErrorRequestHandler): unknown
}

/**
 * Called with each error once it has left a handler. @returns what the next handler is given
 * instead
 */
type Note = (error: unknown, req: Request) => unknown

const DEEPEST = 32

/**
 * Sees the errors of an application's handlers before any error handler answers them. Express
 * passes an error only to the error handlers behind the one that failed. Therefore each error
 * handler of the application is wrapped, and one that passes every error on is added at the end.
 *
 * Not seen: errors that a `catch`, or an error handler of a sub-app, answers. `edge.report()` is
 * for them.
 */
export class ErrorWatch {
  private readonly note: Note
  private readonly wrapped = new WeakSet<object>()
  private readonly ended = new WeakSet<object>()
  private lastStack: readonly Layer[] | undefined = undefined
  private lastLength = 0

  constructor(note: Note) {
    this.note = note
  }

  /** Called for each request; it costs something only after a layer was added. */
  watch(given: object): void {
    const app = given as App
    const stack = app.router?.stack
    if (stack === undefined || (stack === this.lastStack && stack.length === this.lastLength)) return
    if (!this.ended.has(app)) {
      this.ended.add(app)
      app.use(this.wrap((error, _req, _res, next) => next(error)))
    }
    this.wrapAll(stack, 0)
    this.lastStack = stack
    this.lastLength = stack.length
  }

  private wrapAll(stack: readonly Layer[], depth: number): void {
    if (depth > DEEPEST) return
    for (const layer of stack) {
      const { handle, route } = layer
      const below = route?.stack ?? (handle as Router | undefined)?.stack
      if (below !== undefined) this.wrapAll(below, depth + 1)
      else if (isErrorHandler(handle) && !this.wrapped.has(handle)) layer.handle = this.wrap(handle)
    }
  }

  private wrap(handler: ErrorRequestHandler): ErrorRequestHandler {
    const { note } = this
    // Express knows an error handler by its four parameters.
    const watched = function (
      this: unknown,
      error: unknown,
      req: Request,
      res: Response,
      next: NextFunction,
    ) {
      return handler.call(this as never, note(error, req), req, res, next)
    }
    this.wrapped.add(watched)
    return watched
  }
}

function isErrorHandler(handle: unknown): handle is ErrorRequestHandler {
  return typeof handle === 'function' && handle.length === 4
}
