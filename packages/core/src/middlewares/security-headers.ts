import type { RequestContext } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import {
  type Check,
  checkOptions,
  flag,
  integer,
  list,
  object,
  oneOf,
  optional,
  orFalse,
  refuse,
} from '../options/check.js'
import {
  type CspDirectives,
  type CspForms,
  contentSecurityPolicy,
  defaultPolicy,
  type Nonce,
} from './security-headers/content-security-policy.js'
import {
  DEFAULT_PERMISSIONS,
  type PermissionsPolicy,
  permissionsPolicy,
} from './security-headers/permissions-policy.js'

export interface HstsOptions {
  /** Seconds, as in the header. Default 31536000, a year; 0 makes browsers forget. */
  readonly maxAge?: number
  /** Default true. */
  readonly includeSubDomains?: boolean
  /**
   * Asks to be built into browsers; needs `includeSubDomains` and a year, and is hard to take back.
   * Default false.
   */
  readonly preload?: boolean
}

type ReferrerPolicy = (typeof REFERRER_POLICIES)[number]

/**
 * Each header can be changed; `false` leaves it out, and in a branch takes away what the parent has
 * set.
 */
export interface SecurityHeadersOptions {
  /** A whole policy as a string, or directives that change the default one. */
  readonly csp?: string | CspDirectives | false
  /**
   * A policy that browsers report on and do not enforce, beside `csp`: to try a stricter one.
   * Default none.
   */
  readonly cspReportOnly?: string | CspDirectives | false
  /** Default none. */
  readonly crossOriginEmbedderPolicy?: 'require-corp' | 'credentialless' | 'unsafe-none' | false
  /** Default `same-origin`. */
  readonly crossOriginOpenerPolicy?:
    | 'same-origin'
    | 'same-origin-allow-popups'
    | 'noopener-allow-popups'
    | 'unsafe-none'
    | false
  /** Default `same-origin`. */
  readonly crossOriginResourcePolicy?: 'same-origin' | 'same-site' | 'cross-origin' | false
  /**
   * `Strict-Transport-Security`, sent on encrypted requests only. Default a year with subdomains.
   */
  readonly hsts?: HstsOptions | false
  /** Default true: `?1`. */
  readonly originAgentCluster?: boolean
  /** Default `camera=(), geolocation=(), microphone=()`. A value replaces the default. */
  readonly permissionsPolicy?: string | PermissionsPolicy | false
  /**
   * A list is a choice of fallbacks: browsers take the last one that they know. Default
   * `no-referrer`.
   */
  readonly referrerPolicy?: ReferrerPolicy | readonly ReferrerPolicy[] | false
  /** Default `nosniff`. */
  readonly xContentTypeOptions?: 'nosniff' | false
  /** Default `off`. */
  readonly xDnsPrefetchControl?: 'off' | 'on' | false
  /** Default `noopen`. */
  readonly xDownloadOptions?: 'noopen' | false
  /**
   * Default `SAMEORIGIN`. `DENY` makes the default `frame-ancestors` `'none'`, since browsers that
   * know the one ignore the other.
   */
  readonly xFrameOptions?: 'SAMEORIGIN' | 'DENY' | false
  /** Default `none`. */
  readonly xPermittedCrossDomainPolicies?: 'none' | 'master-only' | 'by-content-type' | 'all' | false
  /** Whether the host's `X-Powered-By` stays. Default false. */
  readonly xPoweredBy?: boolean
  /** Default `0`, which turns off a filter of old browsers that itself leaks. */
  readonly xXssProtection?: '0' | false
}

type Header = readonly [name: string, value: string]

/** `cspNonce` where a directive has `nonce()`. */
type Given<Options> = Options extends { readonly csp: infer Policy }
  ? HasNonce<Policy> extends true
    ? { cspNonce: string }
    : GivenByReport<Options>
  : GivenByReport<Options>
type GivenByReport<Options> = Options extends { readonly cspReportOnly: infer Policy }
  ? HasNonce<Policy> extends true
    ? { cspNonce: string }
    : {}
  : {}
type HasNonce<Policy> = [Policy] extends [object]
  ? // Of a variable declared as `CspDirectives`, all optional, nothing can be told.
    {} extends Policy
    ? false
    : Nonce extends SourceOf<Policy>
      ? true
      : false
  : false
type SourceOf<Policy> = {
  [K in keyof Policy]: Policy[K] extends readonly (infer S)[] ? S : never
}[keyof Policy]

/**
 * Tells browsers to distrust a page by default: no script but the site's own, no framing, no
 * sniffing, no referrer, HTTPS from now on. The values are helmet 8's, with `Permissions-Policy`
 * besides.
 *
 * It defends a browser's user; a client that is no browser ignores all of it. The headers are set
 * before the handler runs, so that refusals, 404s and 500s carry them, and a handler may set its
 * own value. `Strict-Transport-Security` and `upgrade-insecure-requests` are sent only on encrypted
 * requests (RFC 6797 section 7.2), see `ctx.secure`: behind a proxy that `trust` does not name they
 * are missing. `X-Powered-By`, which tells attackers which faults to try, is taken away where the
 * host has already set it.
 *
 *     pipeline().use(
 *       securityHeaders({
 *         csp: { scriptSrc: ["'self'", nonce()] },
 *         hsts: { maxAge: 63_072_000, preload: true },
 *       }),
 *     )
 *
 * @throws ConfigError
 */
export function securityHeaders<const Options extends SecurityHeadersOptions = {}>(
  options?: Options,
): Middleware<{}, Given<Options>>
export function securityHeaders(options: SecurityHeadersOptions = {}): Middleware<{}, { cspNonce?: string }> {
  const checked = checkOptions('securityHeaders', options, {
    csp: optional(orFalse(contentSecurityPolicy), defaultPolicy),
    cspReportOnly: optional(orFalse(contentSecurityPolicy)),
    crossOriginEmbedderPolicy: optional(orFalse(oneOf('require-corp', 'credentialless', 'unsafe-none'))),
    crossOriginOpenerPolicy: choice(
      ['same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'],
      'same-origin',
    ),
    crossOriginResourcePolicy: choice(['same-origin', 'same-site', 'cross-origin'], 'same-origin'),
    hsts: optional(orFalse(strictTransportSecurity), 'max-age=31536000; includeSubDomains'),
    originAgentCluster: optional(flag, true),
    permissionsPolicy: optional(orFalse(permissionsPolicy), DEFAULT_PERMISSIONS),
    referrerPolicy: optional(orFalse(referrerPolicy), 'no-referrer'),
    xContentTypeOptions: choice(['nosniff'], 'nosniff'),
    xDnsPrefetchControl: choice(['off', 'on'], 'off'),
    xDownloadOptions: choice(['noopen'], 'noopen'),
    xFrameOptions: choice(['SAMEORIGIN', 'DENY'], 'SAMEORIGIN'),
    xPermittedCrossDomainPolicies: choice(['none', 'master-only', 'by-content-type', 'all'], 'none'),
    xPoweredBy: optional(flag, false),
    xXssProtection: choice(['0'], '0'),
  })
  const constant: readonly Header[] = present([
    ['Cross-Origin-Embedder-Policy', checked.crossOriginEmbedderPolicy],
    ['Cross-Origin-Opener-Policy', checked.crossOriginOpenerPolicy],
    ['Cross-Origin-Resource-Policy', checked.crossOriginResourcePolicy],
    ['Origin-Agent-Cluster', checked.originAgentCluster && '?1'],
    ['Permissions-Policy', checked.permissionsPolicy],
    ['Referrer-Policy', checked.referrerPolicy],
    ['X-Content-Type-Options', checked.xContentTypeOptions],
    ['X-DNS-Prefetch-Control', checked.xDnsPrefetchControl],
    ['X-Download-Options', checked.xDownloadOptions],
    ['X-Frame-Options', checked.xFrameOptions],
    ['X-Permitted-Cross-Domain-Policies', checked.xPermittedCrossDomainPolicies],
    ['X-XSS-Protection', checked.xXssProtection],
  ])
  const frameAncestors = checked.xFrameOptions === 'DENY' ? "'none'" : "'self'"
  const policies: readonly PolicyHeader[] = [
    { name: 'Content-Security-Policy', policy: checked.csp },
    { name: 'Content-Security-Policy-Report-Only', policy: checked.cspReportOnly },
  ].flatMap(({ name, policy }) =>
    policy === false || policy === undefined ? [] : { name, forms: policy(frameAncestors) },
  )
  const fixed = policies.filter(({ forms }) => !forms.overTls.usesNonce)
  const fresh = policies.filter(({ forms }) => forms.overTls.usesNonce)
  const overTls: readonly Header[] = [
    ...fixed.map(({ name, forms }): Header => [name, forms.overTls.with('')]),
    ...present([['Strict-Transport-Security', checked.hsts]]),
    ...constant,
  ]
  const overHttp: readonly Header[] = [
    ...fixed
      .filter(({ forms }) => !forms.overHttp.isEmpty)
      .map(({ name, forms }): Header => [name, forms.overHttp.with('')]),
    ...constant,
  ]
  // Only what the team turned off: a header that is off by default may be another one's.
  const absent = (Object.keys(HEADERS) as (keyof typeof HEADERS)[])
    .filter(option => checked[option] === false)
    .map(option => HEADERS[option])
  const emptyOverHttp = fixed.filter(({ forms }) => forms.overHttp.isEmpty).map(({ name }) => name)
  const removesAny = absent.length > 0 || emptyOverHttp.length > 0
  const begin = (ctx: RequestContext, secure: boolean) => {
    if (!checked.xPoweredBy) ctx.removeHeader('X-Powered-By')
    // What another `securityHeaders()` in front has set: that of the parent of a branch.
    if (!removesAny || !ctx.hasReached(NAME)) return
    for (const header of absent) ctx.removeHeader(header)
    if (!secure) for (const header of emptyOverHttp) ctx.removeHeader(header)
  }
  if (fresh.length === 0)
    return {
      name: NAME,
      onRequest(ctx) {
        const { secure } = ctx
        begin(ctx, secure)
        ctx.setHeaders(secure ? overTls : overHttp)
      },
    }
  return {
    name: NAME,
    gives: ['cspNonce'],
    onRequest(ctx) {
      const { secure } = ctx
      begin(ctx, secure)
      const value = randomNonce()
      ctx.state.cspNonce = value
      for (const { name, forms } of fresh)
        ctx.setHeader(name, (secure ? forms.overTls : forms.overHttp).with(value))
      ctx.setHeaders(secure ? overTls : overHttp)
    },
  }
}

const NAME = 'security-headers'

/** The header of each option that can be `false`. */
const HEADERS = {
  csp: 'Content-Security-Policy',
  cspReportOnly: 'Content-Security-Policy-Report-Only',
  crossOriginEmbedderPolicy: 'Cross-Origin-Embedder-Policy',
  crossOriginOpenerPolicy: 'Cross-Origin-Opener-Policy',
  crossOriginResourcePolicy: 'Cross-Origin-Resource-Policy',
  hsts: 'Strict-Transport-Security',
  originAgentCluster: 'Origin-Agent-Cluster',
  permissionsPolicy: 'Permissions-Policy',
  referrerPolicy: 'Referrer-Policy',
  xContentTypeOptions: 'X-Content-Type-Options',
  xDnsPrefetchControl: 'X-DNS-Prefetch-Control',
  xDownloadOptions: 'X-Download-Options',
  xFrameOptions: 'X-Frame-Options',
  xPermittedCrossDomainPolicies: 'X-Permitted-Cross-Domain-Policies',
  xXssProtection: 'X-XSS-Protection',
} as const satisfies Record<Exclude<keyof SecurityHeadersOptions, 'xPoweredBy'>, string>

interface PolicyHeader {
  readonly name: string
  readonly forms: CspForms
}

function present(headers: readonly (readonly [string, string | false | undefined])[]): readonly Header[] {
  return headers.filter((header): header is Header => typeof header[1] === 'string')
}

const choice = <const T extends string>(values: readonly T[], fallback: T): Check<T | false> =>
  optional<T | false>(orFalse(oneOf(...values)), fallback)

const YEAR = 31_536_000

const strictTransportSecurity: Check<string> = (value, at) => {
  const { maxAge, includeSubDomains, preload } = object({
    maxAge: optional(integer({ max: 10 * YEAR }), YEAR),
    includeSubDomains: optional(flag, true),
    preload: optional(flag, false),
  })(value, at)
  // The conditions of hstspreload.org.
  if (preload && !(includeSubDomains && maxAge >= YEAR))
    refuse(at, value, `preload only with includeSubDomains and a maxAge of at least ${YEAR} seconds, a year`)
  return `max-age=${maxAge}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

const REFERRER_POLICIES = [
  'no-referrer',
  'no-referrer-when-downgrade',
  'same-origin',
  'origin',
  'strict-origin',
  'origin-when-cross-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url',
] as const

const referrerPolicy: Check<string> = (value, at) => {
  const one = oneOf(...REFERRER_POLICIES)
  return Array.isArray(value) ? list(one, { min: 1, max: 8 })(value, at).join(',') : one(value, at)
}

/** 18 bytes, so that base64 needs no padding. */
function randomNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))))
}
