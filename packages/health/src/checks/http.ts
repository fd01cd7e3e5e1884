import {
  booleanResult,
  type Check as CheckOption,
  callback,
  checkOptions,
  oneOf,
  optional,
  refuse,
} from '@palisade/core/middleware'
import type { Dispatcher } from 'undici'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

export interface HttpOptions extends CommonOptions {
  /** `http:` or `https:`, without credentials: those go into `headers`. */
  url: string | URL
  /** Default `GET`. */
  method?: 'GET' | 'HEAD'
  headers?: Readonly<Record<string, string>>
  /** Which statuses are well. Default: 200 to 299. */
  expect?: (status: number) => boolean
  /**
   * An undici dispatcher, for a proxy or a certificate; the team closes it. Node only. Default: the
   * runtime's `fetch`.
   */
  dispatcher?: Dispatcher
}

/** What an answer may bring; more ends its connection. It is never looked at. */
const MOST_BODY = 64 * 1024

/**
 * Whether a service answers a request as it should. Redirects are not followed: one is an answer,
 * and by default not a good one. Facts: `http_status`.
 *
 * @throws ConfigError
 */
export function http(options: HttpOptions): Check {
  const checked = checkOptions('http', options, {
    ...dependencyShape('http'),
    url,
    method: optional(oneOf('GET', 'HEAD'), 'GET'),
    headers: optional(headers, {}),
    expect: optional(callback<(status: number) => boolean>('a function (status) => boolean')),
    dispatcher: optional(dispatcher),
  })
  const { expect = (status: number) => status >= 200 && status <= 299 } = checked
  const ask = checked.dispatcher === undefined ? askByFetch : askThrough(checked.dispatcher)
  /** Made with the first question: some runtimes make no signals while modules load. */
  let closing: AbortController | undefined
  return checkOf(
    checked,
    async signal => {
      closing ??= new AbortController()
      const http_status = await ask(checked.url, {
        method: checked.method,
        headers: checked.headers,
        signal: AbortSignal.any([signal, closing.signal]),
      })
      // Any other result than a boolean fails the check: its error names the callback.
      return booleanResult('http: expect', expect(http_status))
        ? { healthy: true, http_status }
        : { healthy: false, error: `it answered ${http_status}`, http_status }
    },
    // A request under way is aborted: its result is no longer needed.
    () => closing?.abort(new Error('the check was closed')),
  )
}

interface Question {
  readonly method: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** The connection ends with the answer, so that none stays open between two probes. */
async function askByFetch(url: URL, question: Question): Promise<number> {
  const headers = { connection: 'close', ...question.headers }
  const { status, body } = await fetch(url, { ...question, headers, redirect: 'manual' }).catch(rethrowCause)
  if (body !== null) await discardSome(body)
  return status
}

/** undici is loaded by the first question: some runtimes have a `fetch` and cannot run undici. */
const askThrough =
  (dispatcher: Dispatcher) =>
  async (url: URL, question: Question): Promise<number> => {
    const { request } = await import('undici')
    const { statusCode, body } = await request(url, { ...question, dispatcher })
    await body.dump({ limit: MOST_BODY, signal: question.signal })
    return statusCode
  }

/** Node's `fetch` says only that it failed, and why in the cause. */
function rethrowCause(error: unknown): never {
  throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error
}

async function discardSome(body: ReadableStream<Uint8Array>): Promise<void> {
  let length = 0
  // Leaving the loop cancels the rest.
  for await (const chunk of body) {
    length += chunk.length
    if (length > MOST_BODY) return
  }
}

const url: CheckOption<URL> = (value, at) => {
  const allowed = 'an http: or https: URL without credentials'
  const given = value instanceof URL ? value.href : value
  if (typeof given !== 'string') return refuse(at, given, allowed)
  if (!URL.canParse(given)) return refuse(at, 'no URL', allowed)
  const parsed = new URL(given)
  const isHttp = parsed.protocol === 'http:' || parsed.protocol === 'https:'
  // Not shown: it may be the credentials that are wrong.
  if (!isHttp || parsed.username !== '' || parsed.password !== '') return refuse(at, 'another URL', allowed)
  return parsed
}

const headers: CheckOption<Readonly<Record<string, string>>> = (value, at) => {
  const isFit =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([name, one]) =>
        typeof one === 'string' &&
        /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(name) &&
        /^[\t\x20-\x7e]{0,8192}$/.test(one),
    )
  if (!isFit) return refuse(at, value, 'an object of header names to printable values')
  return Object.freeze({ ...value } as Record<string, string>)
}

const dispatcher: CheckOption<Dispatcher> = (value, at) =>
  typeof (value as { dispatch?: unknown } | null)?.dispatch === 'function'
    ? (value as Dispatcher)
    : refuse(at, value, 'an undici dispatcher')
