import { type Check as CheckOption, callback, checkOptions, oneOf, optional, refuse } from '@palisade/core'
import { Agent, type Dispatcher, request } from 'undici'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

export interface HttpOptions extends CommonOptions {
  /** `http:` or `https:`, without credentials: those go into `headers`. */
  url: string | URL
  /** Default `GET`. */
  method?: 'GET' | 'HEAD'
  headers?: Readonly<Record<string, string>>
  /** Which statuses are well. Default: 200 to 299. */
  expect?: (status: number) => boolean
  /** An undici dispatcher of the team's, for a proxy or a certificate; the team closes it. Default: one of its own, with one connection. */
  dispatcher?: Dispatcher
}

/** What an answer may bring; more ends its connection. It is never looked at. */
const MOST_BODY = 64 * 1024

/**
 * Whether a service answers a request as it should. Redirects are not followed: one is an answer, and by default not a good one. Facts: `http_status`.
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
  const own = checked.dispatcher === undefined ? new Agent({ connections: 1, pipelining: 1 }) : undefined
  const { method } = checked
  return checkOf(
    checked,
    async signal => {
      const answer = await request(checked.url, {
        method,
        signal,
        headers: checked.headers,
        dispatcher: checked.dispatcher ?? (own as Agent),
      })
      const http_status = answer.statusCode
      await answer.body.dump({ limit: MOST_BODY, signal })
      return expect(http_status) === true
        ? { healthy: true, http_status }
        : { healthy: false, error: `it answered ${http_status}`, http_status }
    },
    // What is still under way is ended: nobody waits for it any more.
    own && (() => own.destroy()),
  )
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
