import { type HostView, inspectable, takenFrom } from '@palisade/core/host'

/**
 * Hono's `HTTPException`, known by its shape: an application may have loaded another copy of Hono.
 */
interface HttpException {
  readonly status: number
  readonly message: string
  readonly res?: Response
  getResponse(): Response
}

function asException(thrown: unknown): HttpException | undefined {
  const error = inspectable(thrown) as Partial<HttpException> | null
  return typeof error?.getResponse === 'function' && typeof error?.status === 'number'
    ? (error as HttpException)
    : undefined
}

/**
 * The message of an `HTTPException` is meant for the client, and so are the headers of its `res`.
 */
export function viewOf(thrown: unknown): HostView {
  const exception = asException(thrown)
  if (exception === undefined) return {}
  const { message, res } = exception
  return { message: message === '' ? undefined : message, headers: takenFrom(res?.headers) }
}

/** A response that was thrown and is no failure: a redirect, a 304. It is the handler's answer. */
export function passedThrough(thrown: unknown): Response | undefined {
  const exception = asException(thrown)
  return exception !== undefined && exception.status < 400 ? exception.getResponse() : undefined
}
