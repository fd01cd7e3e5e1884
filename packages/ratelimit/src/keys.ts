import { createHash } from 'node:crypto'
import {
  type Check,
  ConfigError,
  callback,
  foldCase,
  headerName,
  type Identity,
  ignoreRejection,
  type RequestContext,
  RequestError,
  refuse,
  routingPath,
  wrongResult,
} from '@palisade/core'
import { apiKeyForm, clientForm, composedForm, FORM, identityForm, type KeyForm } from './key-forms.js'

/**
 * Who or what an attempt is counted for. `false` leaves the request uncounted; nothing (`undefined`, `null`, an empty string) means that
 * the request lacks what it is counted by, and `whenKeyMissing` says what happens then.
 */
export type KeyFunction<State extends object = {}> = (
  ctx: RequestContext<State>,
) => string | false | undefined | null

/** Where a composed key function has those it is composed of. */
const PARTS: unique symbol = Symbol('parts')

interface ComposedKey<State extends object> extends KeyFunction<State> {
  readonly [PARTS]: readonly KeyFunction<State>[]
}

const LONGEST_KEY = 128
const TILDE = 126

/** A key function with what `reset` may be given for its keys. */
function withForm<State extends object>(form: KeyForm, key: KeyFunction<State>): KeyFunction<State> {
  return Object.assign(key, { [FORM]: form })
}

/**
 * Counts by client: the IPv4 address or the IPv6 /64, as the pipeline's `trust` says.
 *
 * A client without an address (a Unix socket, a call without a network) is not counted: all such clients would be one.
 *
 * @throws ConfigError for an argument
 */
export function byClient(...none: never[]): KeyFunction {
  refuseArguments('byClient', none)
  return clientKey
}

const clientKey: KeyFunction = withForm(clientForm, ctx => ctx.client.key ?? false)

/**
 * Counts by who is logged in, and by client where nobody is. Mount it behind what gives the identity.
 *
 * @throws ConfigError for an argument
 */
export function byIdentity(...none: never[]): KeyFunction {
  refuseArguments('byIdentity', none)
  return withForm(identityForm, ctx => {
    const identity = identityOf(ctx)
    return identity === undefined ? clientKey(ctx) : subjectKey(identity)
  })
}

/**
 * Counts by the tenant of the identity; a request without one lacks its key.
 *
 * @throws ConfigError for an argument
 */
export function byTenant(...none: never[]): KeyFunction {
  refuseArguments('byTenant', none)
  return ctx => identityOf(ctx)?.tenant
}

/**
 * Counts by API key: a digest of the header, so that no store holds a secret; without the header, the owner of a verified key.
 *
 * In front of authentication a stranger escapes by inventing keys: add a policy by client there, or mount this one behind it.
 *
 * @throws ConfigError when `header` is no field name, and for a second argument
 */
export function byApiKey(header = 'X-Api-Key', ...none: never[]): KeyFunction {
  refuseArguments('byApiKey', none, 'one field name')
  const name = headerName(header, { owner: 'byApiKey', option: 'header' }).toLowerCase()
  return withForm(apiKeyForm(sentKey), ctx => {
    const sent = ctx.header(name)
    if (sent !== undefined && sent !== '') return sentKey(sent)
    const identity = identityOf(ctx)
    return identity?.method === 'api-key' ? subjectKey(identity) : undefined
  })
}

/** A secret is counted by its digest. */
function sentKey(secret: string): string {
  return `$${digest(secret)}`
}

/**
 * Counts by the value of a header that a proxy of yours sets; a client that writes it itself escapes at will.
 *
 * @throws ConfigError when `name` is no field name, and for a second argument
 */
export function byHeader(name: string, ...none: never[]): KeyFunction {
  refuseArguments('byHeader', none, 'one field name')
  const lowerCase = headerName(name, { owner: 'byHeader', option: 'name' }).toLowerCase()
  return ctx => ctx.header(lowerCase)
}

/**
 * Counts by method and path, the same for the spellings that some router takes for one: letter case, a slash at the end, HEAD for GET. A
 * path that hosts read differently (`//`, `..`, `%2f`, an encoded letter, see core's `routingPath`) is refused with 400.
 *
 * Each path has its own count: compose it with `byClient()`, and mind that `/items/1` and `/items/2` are two.
 *
 * @throws ConfigError for an argument
 */
export function byRoute(...none: never[]): KeyFunction {
  refuseArguments('byRoute', none)
  return ctx => `${ctx.method === 'HEAD' ? 'GET' : ctx.method} ${plainPath(ctx.path)}`
}

/**
 * Counts by several things at once. No combination of parts reads like another; if one is missing or uncounted, so is the whole.
 *
 * @throws ConfigError when there is nothing to compose, or something is no key function
 */
export function compose<State extends object = {}>(
  ...keys: readonly KeyFunction<State>[]
): KeyFunction<State> {
  const check = keyFunction<State>()
  if (keys.length === 0) check(undefined, { owner: 'compose', option: 'keys[0]' })
  for (const [i, key] of keys.entries()) check(key, { owner: 'compose', option: `keys[${i}]` })
  const composed: KeyFunction<State> = ctx => {
    let joined = ''
    for (const key of keys) {
      const part = key(ctx)
      if (typeof part !== 'string' || part === '') {
        requireKeyless(part)
        return part
      }
      joined += `${part.length}:${part}`
    }
    return joined
  }
  return Object.assign(withForm(composedForm, composed), { [PARTS]: keys }) satisfies ComposedKey<State>
}

/**
 * Whether a request is counted for its client alone: the key is the client's own, or is composed with it. Whoever else is refused may be so for
 * what others did under the same key.
 */
export function isClientsOwn<State extends object>(
  key: KeyFunction<State>,
  ctx: RequestContext<State>,
): boolean {
  const { [PARTS]: parts } = key as Partial<ComposedKey<State>>
  if (parts !== undefined) return parts.some(part => isClientsOwn(part, ctx))
  if (ctx.client.key === undefined) return false
  const found: unknown = key(ctx)
  if (found === ctx.client.key) return true
  // The function returned a key a moment ago; what it returns now must not end the process.
  ignoreRejection(found)
  return false
}

/** What builds key functions, and is none: given instead of what it returns, it would count nobody or all as one. */
const BUILDERS: ReadonlySet<unknown> = new Set([
  byClient,
  byIdentity,
  byTenant,
  byApiKey,
  byHeader,
  byRoute,
  compose,
])

const anyFunction = callback<(...args: never) => unknown>('a key function, such as byClient()')

/** The option that takes a key function. */
export function keyFunction<State extends object>(): Check<KeyFunction<State>> {
  return (value, at) => {
    const given = anyFunction(value, at)
    if (BUILDERS.has(given)) refuse(at, value, `what ${given.name}() returns: call it`)
    return given as KeyFunction<State>
  }
}

/** In plain JavaScript what is too much would be dropped without a word: `byRoute('/login')` would count by every path. */
function refuseArguments(owner: string, given: readonly unknown[], allowed = 'none'): void {
  if (given.length > 0) throw new ConfigError({ owner, option: 'arguments', value: given[0], allowed })
}

/** @throws TypeError for a value that is neither a key nor means that there is none: a promise, a number */
export function requireKeyless(key: unknown): asserts key is '' | false | undefined | null {
  if (key === '' || key === false || key === undefined || key === null) return
  throw wrongResult('key', key, 'a string, false, or nothing, and no promise of them')
}

/** A key of bounded length: a long one is replaced by its digest, and no short one reads like a digest. */
export function boundedKey(key: string): string {
  return key.length > LONGEST_KEY || key.charCodeAt(0) === TILDE ? digestKey(key) : key
}

function digestKey(key: string): string {
  return `~${digest(key)}`
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}

function identityOf(ctx: RequestContext): Identity | undefined {
  return (ctx.state as { readonly identity?: Identity }).identity
}

/** `@` and `#` begin no address, so an identity never shares the count of a client. */
function subjectKey({ subject, tenant }: Identity): string {
  return tenant === undefined ? `@${subject}` : `#${tenant.length}:${tenant}${subject}`
}

function plainPath(path: string): string {
  const plain = routingPath(path)
  if (plain === undefined) throw new RequestError(400, 'The path of the request is ambiguous')
  const whole = plain.includes('%') ? plain.replace(RESERVED, decodeURIComponent) : plain
  return foldCase(whole.length > 1 && whole.endsWith('/') ? whole.slice(0, -1) : whole)
}

/** What `routingPath` leaves escaped. A route that takes the segment as a parameter gets the same for both spellings, so both count as one. */
const RESERVED = /%(?:2[346bc]|3[abdf]|40)/gi
