import {
  type Check,
  ConfigError,
  callback,
  foldCase,
  headerName,
  type Identity,
  type RequestContext,
  RequestError,
  refuse,
  routingPath,
} from '@palisade/core/middleware'
import { digest } from './bounded-key.js'
import { apiKeyForm, clientForm, composedForm, FORM, identityForm, type KeyForm } from './forms.js'
import { type ComposedKey, type KeyFunction, PARTS, requireKeyless } from './key-function.js'

/** A key function with what `reset` may be given for its keys. */
function withForm<State extends object>(form: KeyForm, key: KeyFunction<State>): KeyFunction<State> {
  return Object.assign(key, { [FORM]: form })
}

/**
 * Counts by client: the IPv4 address or the IPv6 /64, as the pipeline's `trust` says.
 *
 * A client without an address (a Unix socket, a call without a network) is not counted: all such
 * clients would be one.
 *
 * @throws ConfigError for an argument
 */
export function byClient(...none: never[]): KeyFunction {
  refuseArguments('byClient', none)
  return clientKey
}

const clientKey: KeyFunction = withForm(clientForm, ctx => ctx.client.key ?? false)

/**
 * Counts by the identity of the caller, and by client if the caller is anonymous. Mount it behind
 * the middleware that gives the identity.
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
 * Counts by API key: a digest of the header, so that no store holds a secret; without the header,
 * the owner of a verified key.
 *
 * In front of authentication a client escapes by inventing keys: add a policy by client there, or
 * mount this one behind it.
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
 * Counts by the value of a header that a proxy of yours sets; a client that writes it itself
 * escapes at will.
 *
 * @throws ConfigError when `name` is no field name, and for a second argument
 */
export function byHeader(name: string, ...none: never[]): KeyFunction {
  refuseArguments('byHeader', none, 'one field name')
  const lowerCase = headerName(name, { owner: 'byHeader', option: 'name' }).toLowerCase()
  return ctx => ctx.header(lowerCase)
}

/**
 * Counts by method and path, the same for the spellings that some router takes for one: letter
 * case, a slash at the end, HEAD for GET. A path that hosts read differently (`//`, `..`, `%2f`, an
 * encoded letter, see core's `routingPath`) is refused with 400.
 *
 * Each path has its own count: compose it with `byClient()`, and mind that `/items/1` and
 * `/items/2` are two.
 *
 * @throws ConfigError for an argument
 */
export function byRoute(...none: never[]): KeyFunction {
  refuseArguments('byRoute', none)
  return ctx => `${ctx.method === 'HEAD' ? 'GET' : ctx.method} ${plainPath(ctx.path)}`
}

/**
 * Counts by several things at once. No combination of parts reads like another; if one is missing
 * or uncounted, so is the whole.
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
 * Functions that build key functions. One given in place of its result would count no client, or
 * all as one.
 */
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

/**
 * In plain JavaScript what is too much would be dropped without a word: `byRoute('/login')` would
 * count by every path.
 */
function refuseArguments(owner: string, given: readonly unknown[], allowed = 'none'): void {
  if (given.length > 0) throw new ConfigError({ owner, option: 'arguments', value: given[0], allowed })
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

/**
 * What `routingPath` leaves escaped. A route that takes the segment as a parameter gets the same
 * for both spellings, so both count as one.
 */
const RESERVED = /%(?:2[346bc]|3[abdf]|40)/gi
