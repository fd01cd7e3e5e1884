import { type Check, type OptionPath, refuse, within } from '../../options/check.js'
import { nearest } from '../../options/nearest.js'
import { entriesOf, membersOf } from '../../options/read.js'

declare const brand: unique symbol

/** Stands for `'nonce-...'` with a value of this request's own; made by `nonce()`. */
export interface Nonce {
  readonly [brand]: 'nonce'
}

const NONCE = Object.freeze({}) as Nonce

/**
 * A source of a Content-Security-Policy that is new on every request: 144 random bits, in
 * `ctx.state.cspNonce` for the page's own tags.
 *
 *     // <script nonce="${ctx.state.cspNonce}">
 *     securityHeaders({ csp: { scriptSrc: ["'self'", nonce()] } })
 */
export function nonce(): Nonce {
  return NONCE
}

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S

type DirectiveName = (typeof DIRECTIVES)[number]

/**
 * Sources by directive, in camelCase or kebab-case. A list takes the place of the default one,
 * `false` leaves the directive out.
 */
export type CspDirectives = {
  readonly [K in DirectiveName | CamelCase<DirectiveName>]?: readonly (string | Nonce)[] | false
}

/** Content Security Policy level 3 and the specifications that extend it. */
const DIRECTIVES = [
  'default-src',
  'base-uri',
  'block-all-mixed-content',
  'child-src',
  'connect-src',
  'fenced-frame-src',
  'font-src',
  'form-action',
  'frame-ancestors',
  'frame-src',
  'img-src',
  'manifest-src',
  'media-src',
  'object-src',
  'report-to',
  'report-uri',
  'require-trusted-types-for',
  'sandbox',
  'script-src',
  'script-src-attr',
  'script-src-elem',
  'style-src',
  'style-src-attr',
  'style-src-elem',
  'trusted-types',
  'upgrade-insecure-requests',
  'webrtc',
  'worker-src',
] as const

/** These mean something without a value. */
const VALUELESS = new Set([
  'block-all-mixed-content',
  'sandbox',
  'trusted-types',
  'upgrade-insecure-requests',
])
const UPGRADE = 'upgrade-insecure-requests'

/** The default policy of helmet 8. */
const DEFAULTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['default-src', ["'self'"]],
  ['base-uri', ["'self'"]],
  ['font-src', ["'self'", 'https:', 'data:']],
  ['form-action', ["'self'"]],
  ['frame-ancestors', ["'self'"]],
  ['img-src', ["'self'", 'data:']],
  ['object-src', ["'none'"]],
  ['script-src', ["'self'"]],
  ['script-src-attr', ["'none'"]],
  ['style-src', ["'self'", 'https:', "'unsafe-inline'"]],
  [UPGRADE, []],
])

type Sources = readonly (string | Nonce)[]

/** A policy whose constant parts are joined; the nonce of the request goes between two parts. */
export class ContentSecurityPolicy {
  readonly usesNonce: boolean
  private readonly parts: readonly string[]

  constructor(parts: readonly string[]) {
    this.parts = parts
    this.usesNonce = parts.length > 1
  }

  /** Nothing to say: no header. */
  get isEmpty(): boolean {
    return this.parts.length === 1 && this.parts[0] === ''
  }

  /** The header's value. `value` is base64. */
  with(value: string): string {
    return this.parts.join(value)
  }
}

/**
 * One policy in its two forms: `upgrade-insecure-requests` on a page that came over plain HTTP
 * would break it where there is no HTTPS.
 */
export interface CspForms {
  readonly overTls: ContentSecurityPolicy
  readonly overHttp: ContentSecurityPolicy
}

/**
 * A policy that lacks only the default of `frame-ancestors`, which follows X-Frame-Options, as
 * browsers ignore that beside it.
 */
export type OpenPolicy = (frameAncestors: "'self'" | "'none'") => CspForms

/** The policy that holds when the option is not given. */
export const defaultPolicy: OpenPolicy = frameAncestors => formsOf(changed(new Map(), frameAncestors))

/** A whole policy as a string, or changes to the default one. */
export const contentSecurityPolicy: Check<OpenPolicy> = (value, at) => {
  if (typeof value === 'string') {
    const forms = fromString(value, at)
    return () => forms
  }
  const directives = membersOf(value, at, 'a policy as a string, an object of directives, or false')
  const changes = new Map<string, Sources | false>()
  const named = new Map<string, string>()
  for (const [given, sources] of directives) {
    const here = within(at, given)
    const name = directiveName(given, here, sources)
    const twin = named.get(name)
    if (twin !== undefined)
      refuse(here, sources, `one spelling of the directive (it is here as "${twin}" too)`)
    named.set(name, given)
    if (sources !== undefined) changes.set(name, sources === false ? false : sourcesOf(name, sources, here))
  }
  if (changed(changes, "'self'").size === 0)
    return refuse(at, value, 'a policy with at least one directive, or false')
  return frameAncestors => formsOf(changed(changes, frameAncestors))
}

function changed(
  changes: ReadonlyMap<string, Sources | false>,
  frameAncestors: string,
): Map<string, Sources> {
  const policy = new Map<string, Sources>([...DEFAULTS, ['frame-ancestors', [frameAncestors]]])
  for (const [name, sources] of changes) {
    if (sources === false) policy.delete(name)
    else policy.set(name, sources)
  }
  return policy
}

function formsOf(policy: ReadonlyMap<string, Sources>): CspForms {
  const overHttp = new Map(policy)
  overHttp.delete(UPGRADE)
  return { overTls: assemble(policy), overHttp: assemble(overHttp) }
}

function assemble(policy: ReadonlyMap<string, Sources>): ContentSecurityPolicy {
  const parts = ['']
  const add = (text: string) => {
    parts[parts.length - 1] += text
  }
  for (const [name, sources] of policy) {
    add(parts.length === 1 && parts[0] === '' ? name : `;${name}`)
    for (const source of sources) {
      if (typeof source === 'string') {
        add(` ${source}`)
        continue
      }
      add(" 'nonce-")
      parts.push("'")
    }
  }
  return new ContentSecurityPolicy(parts)
}

function directiveName(given: string, at: OptionPath, value: unknown): string {
  const name = given.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  if ((DIRECTIVES as readonly string[]).includes(name)) return name
  const meant = nearest(name, DIRECTIVES)
  const hint =
    meant === undefined
      ? 'a policy with a directive not known here is given as a string'
      : `did you mean "${meant}"?`
  return refuse(at, value, `one of ${DIRECTIVES.join(', ')}, in camelCase too (${hint})`)
}

/** Visible ASCII without `;` and `,`, which would begin another directive or another policy. */
const SOURCE = /^[!-+\--:<-~]{1,2048}$/
/** What means a host of that name when its quotes are forgotten. */
const KEYWORD =
  /^(?:none|self|strict-dynamic|report-sample|inline-speculation-rules|unsafe-(?:inline|eval|hashes)|wasm-unsafe-eval|nonce-.+|sha(?:256|384|512)-.+)$/i
const MOST_SOURCES = 1000
const FIXED_NONCE = /^'nonce-/i

function sourcesOf(name: string, value: unknown, at: OptionPath): Sources {
  const entries = entriesOf(value, MOST_SOURCES)
  if (entries === undefined)
    return refuse(
      at,
      value,
      `a list of sources, at most ${MOST_SOURCES}, or false to leave the directive out`,
    )
  if (entries.length === 0 && !VALUELESS.has(name))
    return refuse(at, value, `at least one source; for none ["'none'"]`)
  return entries.map((source, index) => {
    if (source === NONCE) return NONCE
    const here = within(at, index)
    if (typeof source !== 'string' || !SOURCE.test(source))
      return refuse(here, source, 'one source, visible ASCII without space, ";" and ","')
    if (KEYWORD.test(source)) return refuse(here, source, `the keyword in its quotes: "'${source}'"`)
    refuseFixedNonce(source, here)
    if (source.toLowerCase() === "'none'" && entries.length > 1)
      return refuse(here, source, "'none' alone; beside other sources browsers ignore it")
    return source
  })
}

/** A client that has seen the page once knows a nonce that does not change. */
function refuseFixedNonce(source: string, at: OptionPath): void {
  if (FIXED_NONCE.test(source)) refuse(at, source, 'nonce(), which is new on every request')
}

function fromString(value: string, at: OptionPath): CspForms {
  if (!/^[ -+\--~]{1,8192}$/.test(value))
    return refuse(at, value, 'one policy of 1 to 8192 visible ASCII characters and spaces, without ","')
  const directives = value
    .split(';')
    .map(directive => directive.trim())
    .filter(directive => directive !== '')
  if (directives.length === 0) return refuse(at, value, 'a policy with at least one directive, or false')
  for (const directive of directives) {
    const [name = '', ...sources] = directive.split(/ +/)
    if (!/^[A-Za-z0-9-]+$/.test(name))
      return refuse(at, value, 'directives that each begin with a name, parted by ";"')
    for (const source of sources) refuseFixedNonce(source, at)
  }
  const rest = directives.filter(directive => directive.toLowerCase() !== UPGRADE)
  const overTls = new ContentSecurityPolicy([value])
  const overHttp = rest.length === directives.length ? overTls : new ContentSecurityPolicy([rest.join('; ')])
  return { overTls, overHttp }
}
