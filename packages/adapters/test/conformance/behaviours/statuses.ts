import { problemDetails, RequestError } from '@palisade/core'
import { refusalOf } from '@palisade/core/middleware'
import { HTTPException } from 'hono/http-exception'
import createError from 'http-errors'
import { type Behaviour, get } from '../behaviour.js'

/** The registered statuses, each with its code and its title. */
const STATUSES: readonly (readonly [status: number, code: string, title: string])[] = [
  [400, 'BAD_REQUEST', 'Bad Request'],
  [401, 'UNAUTHORIZED', 'Unauthorized'],
  [402, 'PAYMENT_REQUIRED', 'Payment Required'],
  [403, 'FORBIDDEN', 'Forbidden'],
  [404, 'NOT_FOUND', 'Not Found'],
  [405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed'],
  [406, 'NOT_ACCEPTABLE', 'Not Acceptable'],
  [407, 'PROXY_AUTHENTICATION_REQUIRED', 'Proxy Authentication Required'],
  [408, 'REQUEST_TIMEOUT', 'Request Timeout'],
  [409, 'CONFLICT', 'Conflict'],
  [410, 'GONE', 'Gone'],
  [411, 'LENGTH_REQUIRED', 'Length Required'],
  [412, 'PRECONDITION_FAILED', 'Precondition Failed'],
  [413, 'PAYLOAD_TOO_LARGE', 'Content Too Large'],
  [414, 'URI_TOO_LONG', 'URI Too Long'],
  [415, 'UNSUPPORTED_MEDIA_TYPE', 'Unsupported Media Type'],
  [416, 'RANGE_NOT_SATISFIABLE', 'Range Not Satisfiable'],
  [417, 'EXPECTATION_FAILED', 'Expectation Failed'],
  [418, 'IM_A_TEAPOT', "I'm a teapot"],
  [421, 'MISDIRECTED_REQUEST', 'Misdirected Request'],
  [422, 'VALIDATION_ERROR', 'Unprocessable Content'],
  [423, 'LOCKED', 'Locked'],
  [424, 'FAILED_DEPENDENCY', 'Failed Dependency'],
  [425, 'TOO_EARLY', 'Too Early'],
  [426, 'UPGRADE_REQUIRED', 'Upgrade Required'],
  [428, 'PRECONDITION_REQUIRED', 'Precondition Required'],
  [429, 'RATE_LIMITED', 'Too Many Requests'],
  [431, 'HEADERS_TOO_LARGE', 'Request Header Fields Too Large'],
  [451, 'UNAVAILABLE_FOR_LEGAL_REASONS', 'Unavailable For Legal Reasons'],
  [500, 'INTERNAL_ERROR', 'Internal Server Error'],
  [501, 'NOT_IMPLEMENTED', 'Not Implemented'],
  [502, 'BAD_GATEWAY', 'Bad Gateway'],
  [503, 'SERVICE_UNAVAILABLE', 'Service Unavailable'],
  [504, 'GATEWAY_TIMEOUT', 'Gateway Timeout'],
  [505, 'HTTP_VERSION_NOT_SUPPORTED', 'HTTP Version Not Supported'],
  [506, 'VARIANT_ALSO_NEGOTIATES', 'Variant Also Negotiates'],
  [507, 'INSUFFICIENT_STORAGE', 'Insufficient Storage'],
  [508, 'LOOP_DETECTED', 'Loop Detected'],
  [510, 'NOT_EXTENDED', 'Not Extended'],
  [511, 'NETWORK_AUTHENTICATION_REQUIRED', 'Network Authentication Required'],
]

/** What a handler throws to be answered with a status. */
const THROWN: Readonly<Record<string, (status: number) => unknown>> = {
  'a RequestError': status => new RequestError(status, refusalOf(status).message),
  'an error of http-errors': status => createError(status, 'row 7', { expose: false }),
  'an error with statusCode': status => Object.assign(new Error('row 7'), { statusCode: status }),
  'an HTTPException of Hono': status => new HTTPException(status as 418),
  'an error of the status 599': () => Object.assign(new Error('row 7'), { status: 599 }),
}

const body = (status: number, code: string, title: string) => (text: string) => {
  const { title: told, detail, code: stable, status: same, type } = JSON.parse(text)
  const expected = { type: 'about:blank', title, status, detail: refusalOf(status).message, code }
  const received = { type, title: told, status: same, detail, code: stable }
  if (JSON.stringify(received) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(received)} is not ${JSON.stringify(expected)}`)
}

const rowsOf = (isOf599: boolean) =>
  isOf599 ? ([[599, 'INTERNAL_ERROR', 'Internal Server Error']] as const) : STATUSES

const thrown = Object.entries(THROWN).map(([what, make]): Behaviour => {
  const rows = rowsOf(what.endsWith('599'))
  return {
    title: `given problem details when handlers throw ${what} then each status has its code, phrase and title`,
    edge: probe => probe.pipeline({ errors: problemDetails() }).use(probe.middleware('a')),
    app: {
      errorHandler: true,
      routes: rows.map(([status]) =>
        get(`/${status}`, () => {
          throw make(status)
        }),
      ),
    },
    when: rows.map(([status]) => ({ target: `/${status}` })),
    gets: rows.map(([status, code, title]) => ({ status, body: body(status, code, title) })),
    outcomes: rows.map(([status]) => ({ status, aborted: false })),
    logs: 'any',
  }
})

const denied: Behaviour = {
  title:
    'given problem details when a middleware denies with a registered status then it has its code, phrase and title',
  edge: probe =>
    probe
      .pipeline({ errors: problemDetails() })
      .use(probe.middleware('a', { onRequest: ctx => ctx.deny(refusalOf(Number(ctx.path.slice(1)))) })),
  when: STATUSES.map(([status]) => ({ target: `/${status}` })),
  gets: STATUSES.map(([status, code, title]) => ({ status, body: body(status, code, title) })),
}

const envelopes: Behaviour = {
  title: 'given the envelope when handlers throw a registered status then each has its code and phrase',
  app: {
    errorHandler: true,
    routes: STATUSES.map(([status]) =>
      get(`/${status}`, () => {
        throw Object.assign(new Error('row 7'), { status })
      }),
    ),
  },
  when: STATUSES.map(([status]) => ({ target: `/${status}` })),
  gets: STATUSES.map(([status, code]) => ({
    status,
    body: new RegExp(`^\\{"error":\\{"code":"${code}","message":"${refusalOf(status).message}",`),
  })),
  logs: 'any',
}

export const statuses: readonly Behaviour[] = [...thrown, denied, envelopes]
