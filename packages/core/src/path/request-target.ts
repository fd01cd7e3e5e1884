/**
 * The method and the target of a request as one pipeline sees them. A middleware of the team may
 * change both between a pipeline and its branch, so each of them has its own.
 */
export class RequestTarget {
  readonly method: string
  readonly url: string
  private cachedPath: string | undefined = undefined
  private cachedQuery: URLSearchParams | undefined = undefined

  constructor(method: string, url: string) {
    this.method = method
    this.url = url
  }

  get path(): string {
    this.cachedPath ??= pathOf(this.url)
    return this.cachedPath
  }

  get query(): URLSearchParams {
    this.cachedQuery ??= new URLSearchParams(queryOf(this.url))
    return this.cachedQuery
  }

  /** Whether it is a path, `*`, or an absolute form as RFC 9112 section 3.2.2 has it. */
  get isValid(): boolean {
    const { url } = this
    return url[0] === '/' || url === '*' || isAbsoluteForm(url)
  }
}

/**
 * RFC 9112 section 3.2: origin-form, or absolute-form as proxies send it; `*` for a server-wide
 * OPTIONS.
 */
function pathOf(target: string): string {
  const start = target[0] === '/' ? 0 : pathStart(target)
  if (start < 0) return target === '*' ? '*' : '/'
  // Two searches rather than a look at each character: once any library extends String, that is a
  // call for each.
  const query = target.indexOf('?', start)
  const fragment = target.indexOf('#', start)
  const end = query < 0 || (fragment >= 0 && fragment < query) ? fragment : query
  if (end < 0) return start === 0 ? target : target.slice(start)
  return end === start ? '/' : target.slice(start, end)
}

const ABSOLUTE_FORM = /^https?:\/\/[^/?#@\\]+(?:[/?#]|$)/i

function isAbsoluteForm(target: string): boolean {
  if (!ABSOLUTE_FORM.test(target)) return false
  try {
    return new URL(target).host !== ''
  } catch {
    return false
  }
}

function pathStart(target: string): number {
  const scheme = target.indexOf('://')
  if (scheme < 0) return -1
  for (let i = scheme + 3; i < target.length; i++) {
    const c = target.charCodeAt(i)
    if (c === 47) return i
    // An authority ends here too (RFC 3986 section 3.2): a slash in the query of `http://host?next=/a` begins no path.
    if (c === 63 || c === 35) return -1
  }
  return -1
}

function queryOf(target: string): string {
  const end = target.indexOf('#')
  const start = target.indexOf('?')
  if (start < 0 || (end >= 0 && end < start)) return ''
  return end < 0 ? target.slice(start + 1) : target.slice(start + 1, end)
}
