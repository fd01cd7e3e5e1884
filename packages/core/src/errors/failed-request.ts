import type { RequestContext } from '../contract/context.js'
import type { Denial } from '../contract/denial.js'
import type { Reply } from '../contract/reply.js'

/** What answering an error needs of a request, beyond what a middleware sees. */
export interface FailedRequest extends RequestContext {
  /** The error that was logged and emitted last. */
  reported: unknown
  /**
   * Notes what a middleware or the handler threw. The first such error is the outcome's.
   *
   * @returns the error, in a form that can be inspected
   */
  noteError(thrown: unknown): unknown
  /** A thrown value in a form that can be inspected, and the same one each time. */
  inspected(thrown: unknown): unknown
  render(denial: Denial, cause: unknown): Reply
}
