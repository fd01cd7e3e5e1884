/** How a request ended. Given to `onResponse` once, when the response has really ended. */
export interface Outcome {
  /** The status that was sent; `undefined` when the client left before the headers. */
  readonly status: number | undefined
  /**
   * The template of the route that answered (`/orders/:id`), never the path; `undefined` when none
   * matched or the host does not say.
   */
  readonly route: string | undefined
  readonly durationMs: number
  /**
   * The length of the body that was to be sent; `undefined` when it was not known before, as for a
   * stream.
   */
  readonly responseBytes: number | undefined
  /** The client left before the response ended. */
  readonly aborted: boolean
  /** What a middleware or the handler threw, where the host lets it be seen. */
  readonly error: unknown
}
