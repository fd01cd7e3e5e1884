import { ORIGINS, PERMISSIONS } from '../host.js'

export const FIT_ID = /^[\w.:-]{1,128}$/

export const ALLOWED_ORIGINS: ReadonlySet<string> = new Set(ORIGINS)

const CONSTANT = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Permissions-Policy': PERMISSIONS,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
}

const POLICY =
  "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;" +
  "object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline'"

/** The security headers of a request over plain HTTP. */
export const OVER_HTTP: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  ...CONSTANT,
}

export const OVER_TLS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `${POLICY};upgrade-insecure-requests`,
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  ...CONSTANT,
}

export const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'
export const PREFLIGHT_METHODS = 'GET, HEAD, POST'
