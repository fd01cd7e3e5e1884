import {
  type Check,
  checkOptions,
  list,
  oneOf,
  optional,
  type RequestContext,
  refuse,
  within,
} from '@palisade/core/middleware'

/**
 * A place of a request where a token may be. Made by `bearer()`, `cookie()`, `query()` and
 * `subprotocol()`.
 */
export interface TokenPlace {
  /** For logs: `cookie "token"`. */
  readonly name: string
  /** Whether browsers send what is there on their own, also from pages of other sites. */
  readonly isAmbient: boolean
  /** The query parameter that it is. */
  readonly parameter?: string
  /** What is there; `undefined` for nothing, and `SEVERAL` for more than one. */
  field(ctx: RequestContext): string | undefined
  /** Whether it is a token by its scheme. Another scheme is another strategy's credential. */
  owns(field: string): boolean
  /** The token in it, if it has the form of one. */
  tokenIn(field: string): string | undefined
}

/** No token contains a space, and no header field is one. */
export const SEVERAL = ' '

/** RFC 6750 section 2.1. */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i
const NAMES_BEARER = /^bearer(?:$|[^\w-])/i
const BARE = /^([\w\-.~+/]+=*)$/

const bare = (field: string) => BARE.exec(field)?.[1]
const always = () => true

class Place implements TokenPlace {
  readonly name: string
  readonly isAmbient: boolean
  declare readonly parameter?: string
  readonly field: TokenPlace['field']
  readonly owns: TokenPlace['owns']
  readonly tokenIn: TokenPlace['tokenIn']

  constructor(
    name: string,
    field: TokenPlace['field'],
    {
      isAmbient = false,
      owns = always,
      tokenIn = bare,
      parameter,
    }: Partial<Pick<TokenPlace, 'isAmbient' | 'owns' | 'tokenIn' | 'parameter'>> = {},
  ) {
    this.name = name
    this.field = field
    this.isAmbient = isAmbient
    this.owns = owns
    this.tokenIn = tokenIn
    if (parameter !== undefined) this.parameter = parameter
    Object.freeze(this)
  }
}

/** `Authorization: Bearer <token>` (RFC 6750 section 2.1). */
export function bearer(): TokenPlace {
  return new Place('Authorization', ctx => ctx.header('authorization'), {
    owns: field => NAMES_BEARER.test(field),
    tokenIn: field => BEARER.exec(field)?.[1],
  })
}

/** Another header, which holds the token alone. */
export function bareHeader(name: string): TokenPlace {
  return new Place(`header "${name}"`, ctx => ctx.header(name))
}

/**
 * A cookie. **Browsers send cookies automatically, also for requests that pages of other sites
 * make** (cross-site request forgery, and WebSockets, which no CORS keeps out). Set `SameSite=Lax`
 * or `Strict`, `HttpOnly` and `Secure`, and refuse requests from other origins. Until you declare
 * that by `{ csrf: 'handled' }`, a warning is logged at the start.
 *
 * An empty cookie does not count as a token, as servers leave one behind at a logout.
 *
 * @throws ConfigError for a name that no cookie may have
 */
export function cookie(name: string, options: { csrf?: 'handled' } = {}): TokenPlace {
  const checked = token('cookie', name)
  const { csrf } = checkOptions('cookie', options, { csrf: optional(oneOf('handled')) })
  return new Place(`cookie "${checked}"`, ctx => cookieOf(ctx.header('cookie'), checked), {
    isAmbient: csrf === undefined,
  })
}

/**
 * A query parameter (RFC 6750 section 2.3), for what cannot set headers, such as `EventSource`.
 * Addresses are kept by histories, proxies and logs: use it for tokens that live for a minute. The
 * answer is marked `Cache-Control: private`. Palisade logs no query; your host's own logger may.
 *
 * @throws ConfigError for a name that is empty or odd
 */
export function query(name = 'access_token'): TokenPlace {
  if (typeof name !== 'string' || !/^[\w.~-]{1,64}$/.test(name))
    refuse({ owner: 'query', option: 'name' }, name, 'a query parameter such as "access_token"')
  const field = (ctx: RequestContext) => {
    if (!ctx.url.includes('?')) return undefined
    const values = ctx.query.getAll(name)
    if (values.length === 0) return undefined
    ctx.setHeader('Cache-Control', 'private')
    return values.length > 1 ? SEVERAL : values[0]
  }
  return new Place(`query "${name}"`, field, { parameter: name })
}

/**
 * A WebSocket subprotocol, since browsers let a page set no other header of a handshake:
 * `new WebSocket(url, ['chat', 'bearer.<token>'])`. Put a protocol that the server speaks in front:
 * the server answers with that one.
 *
 * @param prefix what stands in front of the token
 * @throws ConfigError for a prefix that no subprotocol may have
 */
export function subprotocol(prefix = 'bearer.'): TokenPlace {
  const checked = token('subprotocol', prefix)
  return new Place(`subprotocol "${checked}"`, ctx => {
    const offered = ctx.header('sec-websocket-protocol')
    if (offered === undefined) return undefined
    const tokens = offered
      .split(',')
      .map(each => each.trim())
      .filter(each => each.startsWith(checked))
    return tokens.length > 1 ? SEVERAL : tokens[0]?.slice(checked.length)
  })
}

/**
 * RFC 6265 section 4.2. A name that is there twice is two tokens: which one a browser means is not
 * known.
 */
function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined || !header.includes(name)) return undefined
  let found: string | undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
    if (value === '') continue
    if (found !== undefined) return SEVERAL
    found = value
  }
  return found
}

/** RFC 9110 section 5.6.2: names of cookies and subprotocols. */
function token(owner: string, value: unknown): string {
  return typeof value === 'string' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(value)
    ? value
    : refuse({ owner, option: 'name' }, value, 'a token of RFC 9110 section 5.6.2')
}

/** The option `from`. */
export const tokenPlaces: Check<readonly TokenPlace[]> = (value, at) => {
  const places = list(
    (each, here) =>
      each instanceof Place
        ? each
        : refuse(here, each, 'what bearer(), cookie(), query() or subprotocol() returns'),
    { min: 1, max: 10 },
  )(value, at)
  places.forEach(({ name }, index) => {
    if (places.findIndex(other => other.name === name) !== index)
      refuse(within(at, index), name, 'each place once')
  })
  return places
}

/** Where a token is by the option `header`. */
export const headerPlace = (header: string): TokenPlace =>
  header === 'authorization' ? bearer() : bareHeader(header)
