import type { RequestContext } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { Reply } from '../contract/reply.js'
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js'
import { type Check, checkOptions, flag, integer, list, optional, refuse, text } from '../options/check.js'
import { headerName } from '../options/header-name.js'
import { type OriginOption, originRule } from './cors/origin.js'

export interface CorsOptions {
  /**
   * The origins whose pages may read the answers: an origin as browsers send it
   * (`https://app.example.com`), a list, a RegExp from `^` to `$` without the flags g, y and m, a
   * function (which may be asynchronous), or `'*'` for any origin. `'null'`, the origin of
   * sandboxed frames and files, only when it is listed: no pattern and no function is asked about
   * it.
   */
  readonly origin: OriginOption
  /** Default GET, HEAD and POST, which need no permission. */
  readonly methods?: readonly string[]
  /** Request headers that scripts may send. Default none but those that need no permission. */
  readonly allowHeaders?: readonly string[]
  /** Response headers that scripts may read. Default none but those that need no permission. */
  readonly exposeHeaders?: readonly string[]
  /**
   * Whether cookies and other credentials are sent along and the answer may be read. Default false.
   */
  readonly credentials?: boolean
  /**
   * How long a browser remembers a preflight, in seconds as in the header: 0 to 86400, past which
   * none goes. Default: the browser's own, 5 seconds.
   */
  readonly maxAge?: number
  /**
   * Lets pages of the internet reach this server in a private network (Private Network Access).
   * Default false.
   */
  readonly privateNetwork?: boolean
}

/**
 * Lets pages of other origins read this server's answers (Fetch standard, section 3.2). Nothing is
 * allowed that is not listed, and the client's own `Origin` is never reflected without a decision.
 *
 * It relaxes the browser's same-origin rule and is no access control: a refused origin's request
 * still reaches the handler, only its answer is kept from the page. A real preflight - OPTIONS with
 * `Origin` and `Access-Control-Request-Method` - is answered with 204; any other OPTIONS is a
 * request. Mount it in front of what refuses, so that a page can read refusals too. It has no
 * shadow mode, since it refuses nothing.
 *
 * Fails closed: an origin function that throws, rejects or returns no boolean is a 500 without
 * permission.
 *
 *     pipeline().use(cors({ origin: ['https://app.example.com'], methods: ['GET', 'PUT'], credentials: true, maxAge: 600 }))
 *
 * Spoofable if an allowed site is taken over or runs a script of another site: the script reads
 * what its visitor may. The result of a function as `origin` is trusted.
 *
 * @throws ConfigError also for a pattern that a domain beside yours matches, and together with
 * `credentials` or `privateNetwork` for `*`, `'null'`, a pattern that does not spell out each
 * registered domain, and a function that takes no origin
 */
export function cors(options: CorsOptions): Middleware {
  const checked = checkOptions('cors', options, {
    origin: originRule,
    methods: optional(list(method, { min: 1, max: 100 }), ['GET', 'HEAD', 'POST']),
    allowHeaders: optional(list(fieldName, { max: 1000 }), []),
    exposeHeaders: optional(list(fieldName, { max: 1000 }), []),
    credentials: optional(flag, false),
    maxAge: optional(integer({ max: 86_400 })),
    privateNetwork: optional(flag, false),
  })
  const { origin, credentials, exposeHeaders, privateNetwork } = checked
  const { decide, tooWide } = origin
  const fault = credentials || privateNetwork ? tooWide() : undefined
  if (fault !== undefined) refuse(fault.at, fault.value, fault.allowed)
  if (credentials) refuseWildcards(checked)
  const anybody = decide === '*'
  const exposed = exposeHeaders.join(', ')
  const varyOnOptions = [
    'Origin',
    'Access-Control-Request-Method',
    'Access-Control-Request-Headers',
    ...(privateNetwork ? ['Access-Control-Request-Private-Network'] : []),
  ].join(', ')
  const permission = preflightReply(checked)
  const refusal = new Reply(204)

  /** The headers of an answer that its page may read. */
  function allow(ctx: RequestContext, origin: string, preflight: boolean): Reply | undefined {
    ctx.setHeader('Access-Control-Allow-Origin', origin)
    if (credentials) ctx.setHeader('Access-Control-Allow-Credentials', 'true')
    if (!preflight) {
      if (exposed !== '') ctx.setHeader('Access-Control-Expose-Headers', exposed)
      return undefined
    }
    if (privateNetwork && ctx.header('access-control-request-private-network') === 'true')
      ctx.setHeader('Access-Control-Allow-Private-Network', 'true')
    return permission
  }

  function settle(
    ctx: RequestContext,
    origin: string,
    allowed: unknown,
    preflight: boolean,
  ): Reply | undefined {
    if (allowed === true) return allow(ctx, origin, preflight)
    if (allowed === false) return preflight ? refusal : undefined
    throw new TypeError(`cors: the origin function returned ${typeof allowed}; allowed: true or false`)
  }

  return {
    name: 'cors',
    onRequest(ctx): MaybePromise<Reply | undefined> {
      const isOptions = ctx.method === 'OPTIONS'
      // Set before anything is decided, so that no cache gives one origin's answer, or refusal, to
      // another.
      if (isOptions) ctx.appendHeader('Vary', varyOnOptions)
      else if (!anybody) ctx.appendHeader('Vary', 'Origin')
      const origin = ctx.header('origin')
      const preflight =
        isOptions && origin !== undefined && ctx.header('access-control-request-method') !== undefined
      if (decide === '*') return allow(ctx, '*', preflight)
      if (origin === undefined) return undefined
      const allowed = decide(origin, ctx)
      return isPromise(allowed)
        ? Promise.resolve(allowed).then(answer => settle(ctx, origin, answer, preflight))
        : settle(ctx, origin, allowed, preflight)
    },
  }
}

/** The same for every origin that is allowed, so it is made once. */
function preflightReply(options: {
  methods: readonly string[]
  allowHeaders: readonly string[]
  maxAge: number | undefined
}): Reply {
  return new Reply(204, {
    'Access-Control-Allow-Methods': options.methods.join(', '),
    ...(options.allowHeaders.length > 0 && {
      'Access-Control-Allow-Headers': options.allowHeaders.join(', '),
    }),
    ...(options.maxAge !== undefined && { 'Access-Control-Max-Age': String(options.maxAge) }),
  })
}

/** With credentials `*` is a method or a header of that name (Fetch standard). */
function refuseWildcards(lists: Readonly<Record<(typeof LISTS)[number], readonly string[]>>): void {
  for (const option of LISTS)
    if (lists[option].includes('*'))
      refuse(
        { owner: 'cors', option },
        '*',
        'with credentials: each by name, since browsers then take "*" literally',
      )
}

const LISTS = ['methods', 'allowHeaders', 'exposeHeaders'] as const

const UPPER_CASE = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])

/**
 * Methods are case-sensitive, and browsers put all but PATCH into upper case, which makes `patch` a
 * method of its own.
 */
const method: Check<string> = (value, at) => {
  const name = text({ pattern: /^[!#$%&'*+\-.^_`|~\w]{1,64}$/, allowed: 'a method, such as "PUT"' })(
    value,
    at,
  )
  const upper = name.toUpperCase()
  return name !== upper && UPPER_CASE.has(upper) ? refuse(at, value, `"${upper}"`) : name
}

/** In the case in which it was given. */
const fieldName: Check<string> = (value, at) => {
  headerName(value, at)
  return value as string
}
