import type { Request } from 'express'

/**
 * What Express's router keeps of a mount or a route. Not in its types; read with care, since it is
 * not promised either.
 */
interface Layer {
  readonly route?: object
  readonly handle?: {
    readonly stack?: readonly Layer[]
    readonly router?: { readonly stack?: readonly Layer[] }
  }
  /** The path as it was given; routers before 2.3 do not keep it. */
  readonly rawPath?: unknown
  readonly matchers?: readonly ((path: string) => false | Matched)[]
}

interface Matched {
  readonly path: string
  readonly params: Readonly<Record<string, string>>
}

interface App {
  readonly router?: { readonly stack?: readonly Layer[] }
  readonly parent?: App
  readonly mountpath?: unknown
}

/** The mounts around a route, the outermost first. */
type Chain = readonly Layer[]

/** The ways to a route through the routers of an app. */
interface Place {
  readonly app: App
  readonly chains: readonly Chain[]
}

const DEEPEST = 32
const MOST_TEXTS = 16

/**
 * The template of the route that answered, as `/api/:tenant/items/:id`.
 *
 * Express itself tells only `req.baseUrl`, which has the values that mounts with parameters
 * matched, so that every tenant would be a label of its own; and after `next(err)` not even that.
 * So the route is looked up once in the tree of routers, and the mounts around it are read. The
 * rest of a mount's path is bounded: parameters become their names, and further texts of one mount
 * become `*`.
 *
 * Not found in the tree is a route of a sub-app whose error was passed on to the app around it: its
 * own path is all that is known then.
 */
export class RouteTemplates {
  private readonly places = new WeakMap<object, Place>()
  private readonly texts = new WeakMap<Layer, Map<string, string>>()

  /** @param entered the app in which the pipeline met the request */
  of(req: Request, entered: unknown): string | undefined {
    const route = req.route as { readonly path: unknown } | undefined
    if (route === undefined || route === null) return undefined
    const own = textOf(route.path)
    const place = this.placeOf(route, appsOf(req, entered))
    const prefix = place === undefined ? '' : this.prefixOf(place, req)
    return own === '/' && prefix !== '' ? prefix : `${prefix}${own}`
  }

  /**
   * The path of the mount whose handler answered where there is no route: a GraphQL server, static
   * files, a proxy. Express takes the path off `baseUrl` again when a handler passes the request
   * on.
   */
  mountOf(req: Request, entered: unknown): string | undefined {
    const { baseUrl } = req
    if (typeof baseUrl !== 'string' || baseUrl === '') return undefined
    let around = ''
    for (const app of appsOf(req, entered)) {
      around = mountsAround(app)
      const rest = `/${baseUrl.split('/').slice(around.split('/').length).join('/')}`
      if (rest === '/') return around
      const chain = chainAt(app.router?.stack ?? [], rest, [])
      if (chain !== undefined) return `${around}${this.textOfChain(chain, rest, true)}`
    }
    return `${around}/*`
  }

  private prefixOf({ app, chains }: Place, req: Request): string {
    const path = pathOf(req.originalUrl)
    const around = mountsAround(app)
    const chain = chains.length === 1 ? undefined : chains.find(one => this.matches(one, path))
    return `${around}${this.textOfChain(chain ?? (chains[0] as Chain), path, around === '')}`
  }

  private placeOf(route: object, apps: readonly App[]): Place | undefined {
    const known = this.places.get(route)
    if (known !== undefined) return known
    for (const app of apps) {
      const chains: Chain[] = []
      search(app.router?.stack ?? [], route, [], chains)
      if (chains.length === 0) continue
      const place = { app, chains }
      this.places.set(route, place)
      return place
    }
    // What is not there yet may be reached through another app the next time.
    return undefined
  }

  private matches(chain: Chain, path: string): boolean {
    let rest = path
    for (const layer of chain) {
      const matched = matchOf(layer, rest)
      if (matched === undefined) return false
      rest = rest.slice(matched.path.length) || '/'
    }
    return true
  }

  private textOfChain(chain: Chain, path: string, isWhole: boolean): string {
    let text = ''
    let rest: string | undefined = isWhole ? path : undefined
    for (const layer of chain) {
      if (typeof layer.rawPath === 'string' || layer.rawPath instanceof RegExp) {
        text += trimmed(textOf(layer.rawPath))
      } else {
        const matched: Matched | undefined = rest === undefined ? undefined : matchOf(layer, rest)
        text += matched === undefined ? '/*' : this.bounded(layer, trimmed(named(layer, matched)))
      }
      if (rest !== undefined) {
        const length: number = matchOf(layer, rest)?.path.length ?? 0
        rest = rest.slice(length) || '/'
      }
    }
    return text
  }

  /**
   * Maximum number of texts of one mount, whatever clients send: the first that was seen stands for
   * all spellings of it.
   */
  private bounded(layer: Layer, text: string): string {
    let texts = this.texts.get(layer)
    if (texts === undefined) {
      texts = new Map()
      this.texts.set(layer, texts)
    }
    const key = text.toLowerCase()
    const known = texts.get(key)
    if (known !== undefined) return known
    if (texts.size === MOST_TEXTS) return '/*'
    texts.set(key, text)
    return text
  }
}

/**
 * Where a route is looked for. An app that a router mounts does not know its router, so the app in
 * which the request was met comes first. It does not show the routes of an app that `app.use()`
 * mounts.
 */
function appsOf(req: Request, entered: unknown): readonly App[] {
  return [...new Set([entered ?? req.app, req.app])] as unknown as readonly App[]
}

function search(stack: readonly Layer[], route: object, chain: Chain, found: Chain[]): void {
  if (chain.length > DEEPEST) return
  for (const layer of stack) {
    if (layer.route === route) found.push(chain)
    else {
      const below = layer.handle?.stack ?? layer.handle?.router?.stack
      if (Array.isArray(below)) search(below, route, [...chain, layer], found)
    }
  }
}

/** The mounts that take a path up to its end. */
function chainAt(stack: readonly Layer[], path: string, chain: Chain): Chain | undefined {
  if (chain.length > DEEPEST) return undefined
  for (const layer of stack) {
    const matched = layer.route === undefined ? matchOf(layer, path) : undefined
    if (matched === undefined) continue
    const rest = path.slice(trimmed(matched.path).length)
    if (rest === '' || rest === '/') return [...chain, layer]
    const below = layer.handle?.stack ?? layer.handle?.router?.stack
    const found = Array.isArray(below) ? chainAt(below, rest, [...chain, layer]) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** The mount paths of a sub-app and the apps around it. */
function mountsAround(app: App): string {
  let text = ''
  let one: App | undefined = app
  for (let depth = 0; one?.parent !== undefined && depth < DEEPEST; depth++) {
    text = `${trimmed(textOf(one.mountpath))}${text}`
    one = one.parent
  }
  return text
}

/**
 * Through the matchers, which are pure; `layer.match()` of older routers writes on the layer that
 * other requests are using.
 */
function matchOf(layer: Layer, path: string): Matched | undefined {
  for (const matcher of layer.matchers ?? []) {
    try {
      const matched = matcher(path)
      if (matched !== false) return matched
    } catch {
      // A value that cannot be decoded: Express refused it too.
    }
  }
  return undefined
}

/** The matched path with the names of parameters in place of their values. */
function named(layer: Layer, { path, params }: Matched): string {
  let text = path
  for (const name in params) {
    const value = params[name]
    const at = value === undefined || value === '' ? -1 : placeOf(layer, text, name, value)
    text =
      at < 0 || value === undefined ? '/*' : `${text.slice(0, at)}:${name}${text.slice(at + value.length)}`
  }
  return text
}

/**
 * Where in the path the value of a parameter stands: there where another value would be its value.
 */
function placeOf(layer: Layer, path: string, name: string, value: string): number {
  for (let at = path.indexOf(value); at >= 0; at = path.indexOf(value, at + 1)) {
    const other = matchOf(layer, `${path.slice(0, at)}-${path.slice(at + value.length)}`)
    if (other?.params[name] === '-') return at
  }
  return -1
}

function textOf(path: unknown): string {
  return Array.isArray(path) ? path.map(textOf).join('|') : String(path)
}

function trimmed(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '') || '/'
}
