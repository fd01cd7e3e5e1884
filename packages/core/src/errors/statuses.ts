import type { Denial } from '../contract/denial.js'

/**
 * The phrase of the registry, the message that any client may read, and the code if it is not the
 * phrase.
 */
type Words = readonly [title: string, message: string, code?: string]

/** The IANA registry of HTTP status codes from 400 on. Refusals with a status use these words. */
const REGISTRY: Readonly<Record<number, Words>> = Object.freeze({
  400: ['Bad Request', 'The request is malformed'],
  401: ['Unauthorized', 'Authentication is required'],
  402: ['Payment Required', 'Payment is required'],
  403: ['Forbidden', 'Access denied'],
  404: ['Not Found', 'The requested resource was not found'],
  405: ['Method Not Allowed', 'The method is not allowed here'],
  406: ['Not Acceptable', 'No acceptable representation is available'],
  407: ['Proxy Authentication Required', 'Authentication with the proxy is required'],
  408: ['Request Timeout', 'The request did not arrive in time'],
  409: ['Conflict', 'The request conflicts with the state of the resource'],
  410: ['Gone', 'The requested resource is gone'],
  411: ['Length Required', 'The length of the request body is required'],
  412: ['Precondition Failed', 'A precondition of the request does not hold'],
  413: ['Content Too Large', 'The request body is too large', 'PAYLOAD_TOO_LARGE'],
  414: ['URI Too Long', 'The request target is too long'],
  415: ['Unsupported Media Type', 'The media type is not supported'],
  416: ['Range Not Satisfiable', 'The requested range cannot be satisfied'],
  417: ['Expectation Failed', 'The expectation of the request cannot be met'],
  418: ["I'm a teapot", 'The server is a teapot', 'IM_A_TEAPOT'],
  421: ['Misdirected Request', 'The request reached the wrong server'],
  422: ['Unprocessable Content', 'The request is not valid', 'VALIDATION_ERROR'],
  423: ['Locked', 'The resource is locked'],
  424: ['Failed Dependency', 'An action that the request depends on failed'],
  425: ['Too Early', 'The request came too early'],
  426: ['Upgrade Required', 'Another protocol is required'],
  428: ['Precondition Required', 'The request must be conditional'],
  429: ['Too Many Requests', 'Too many requests', 'RATE_LIMITED'],
  431: ['Request Header Fields Too Large', 'The request headers are too large', 'HEADERS_TOO_LARGE'],
  451: ['Unavailable For Legal Reasons', 'The resource is unavailable for legal reasons'],
  500: ['Internal Server Error', 'An unexpected error occurred', 'INTERNAL_ERROR'],
  501: ['Not Implemented', 'The request is not supported'],
  502: ['Bad Gateway', 'The upstream service is unavailable'],
  503: ['Service Unavailable', 'The service is temporarily unavailable'],
  504: ['Gateway Timeout', 'The upstream service did not answer in time'],
  505: ['HTTP Version Not Supported', 'The version of HTTP is not supported'],
  506: ['Variant Also Negotiates', 'The representation could not be negotiated'],
  507: ['Insufficient Storage', 'There is not enough storage'],
  508: ['Loop Detected', 'The request ended in a loop'],
  510: ['Not Extended', 'The request needs an extension'],
  511: ['Network Authentication Required', 'Authentication with the network is required'],
})

/** RFC 9110 section 15: a status that is not known is treated as the x00 of its class. */
const OTHER_4XX: Words = ['Bad Request', 'The request was refused']

const wordsOf = (status: number): Words =>
  REGISTRY[status] ?? (status < 500 ? OTHER_4XX : (REGISTRY[500] as Words))

/** The registered phrase of a status: the `title` of problem details. */
export const titleOf = (status: number): string => wordsOf(status)[0]

/** The stable code of a status: the registered phrase, unless it has one of its own. */
export function codeOf(status: number): string {
  const [title, , code] = wordsOf(status)
  return code ?? title.toUpperCase().replaceAll(/[ -]/g, '_')
}

/** The public message of a status. */
export const messageOf = (status: number): string => wordsOf(status)[1]

/**
 * A refusal with a status, in the words that every package uses for it.
 *
 * @example
 * ```ts
 * return ctx.deny(refusalOf(410))
 * ```
 */
export const refusalOf = (status: number): Denial => ({
  status,
  code: codeOf(status),
  message: messageOf(status),
})
