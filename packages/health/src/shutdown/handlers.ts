import {
  type Check,
  callback,
  type Duration,
  duration,
  either,
  type MaybePromise,
  object,
  optional,
  text,
} from '@palisade/core/middleware'

/** What a team does at the end, such as closing a pool. `signal` is aborted when its time is up. */
export type ShutdownHandler = ShutdownStep | ShutdownTask

export type ShutdownStep = (signal: AbortSignal) => MaybePromise<unknown>

export interface ShutdownTask {
  /** For the log. */
  name: string
  run: ShutdownStep
  /** Default: the option `handlerTimeout`. */
  timeout?: Duration
}

export interface CheckedHandler {
  readonly name: string
  readonly run: ShutdownStep
  readonly timeout: number | undefined
}

const task = object({
  name: text({ max: 100 }),
  run: callback<ShutdownStep>('a function (signal) => void, or a promise'),
  timeout: optional(duration({ min: 1, max: '1h' })),
})

const step: Check<CheckedHandler> = (value, at) => {
  const run = callback<ShutdownStep>()(value, at)
  return { name: run.name === '' ? 'anonymous' : run.name.slice(0, 100), run, timeout: undefined }
}

export const handler: Check<CheckedHandler> = either(
  step,
  task as Check<CheckedHandler>,
  'a function, or { name, run, timeout? }',
)

/** Runs one within its time. Never rejects; resolves to what went wrong, or nothing. */
export function runHandler({ name, run }: CheckedHandler, timeoutMs: number): Promise<Error | undefined> {
  return new Promise(resolve => {
    const abort = new AbortController()
    const settle = (error: Error | undefined) => {
      clearTimeout(timer)
      resolve(error)
    }
    const timer = setTimeout(() => {
      settle(new Error(`the shutdown handler "${name}" took more than ${timeoutMs} ms`))
      abort.abort(new DOMException('The time for this shutdown handler is up', 'TimeoutError'))
    }, timeoutMs).unref()
    const fail = (cause: unknown) => settle(new Error(`the shutdown handler "${name}" failed`, { cause }))
    try {
      Promise.resolve(run(abort.signal)).then(() => settle(undefined), fail)
    } catch (error) {
      fail(error)
    }
  })
}
