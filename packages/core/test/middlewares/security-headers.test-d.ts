import { describe, expectTypeOf, it } from 'vitest'
import {
  type CspDirectives,
  nonce,
  type Pipeline,
  pipeline,
  type SecurityHeadersOptions,
  securityHeaders,
} from '../../src/index.js'

declare const host: string
declare const directives: CspDirectives
declare const options: SecurityHeadersOptions

describe('state.cspNonce is typed where a directive has nonce(), and nowhere else', () => {
  it('is given by a directive of either policy', () => {
    const one = pipeline().use(securityHeaders({ csp: { scriptSrc: ["'self'", host, nonce()] } }))
    expectTypeOf(one).toEqualTypeOf<Pipeline<{ cspNonce: string }>>()
    const other = pipeline().use(securityHeaders({ csp: false, cspReportOnly: { 'style-src': [nonce()] } }))
    expectTypeOf(other).toEqualTypeOf<Pipeline<{ cspNonce: string }>>()
  })

  it('is not given without one, or where it cannot be told', () => {
    expectTypeOf(pipeline().use(securityHeaders())).toEqualTypeOf<Pipeline<{}>>()
    expectTypeOf(pipeline().use(securityHeaders({ csp: "default-src 'self'" }))).toEqualTypeOf<Pipeline<{}>>()
    expectTypeOf(
      pipeline().use(securityHeaders({ csp: { imgSrc: [host], scriptSrc: false } })),
    ).toEqualTypeOf<Pipeline<{}>>()
    expectTypeOf(pipeline().use(securityHeaders({ csp: directives }))).toEqualTypeOf<Pipeline<{}>>()
    expectTypeOf(pipeline().use(securityHeaders(options))).toEqualTypeOf<Pipeline<{}>>()
  })

  it('refuses what is misspelt', () => {
    // @ts-expect-error no such directive
    securityHeaders({ csp: { scriptSource: ["'self'"] } })
    // @ts-expect-error no such option
    securityHeaders({ frameguard: false })
  })
})
