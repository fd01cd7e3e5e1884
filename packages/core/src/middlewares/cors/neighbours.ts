/**
 * An origin that a pattern lets in and that is made to resemble a domain which the pattern names,
 * so that it cannot have been meant. `undefined` for a pattern that any site matches, which is as
 * good as `*`.
 */
export function neighbourOf(pattern: RegExp): string | undefined {
  if (siteIn(pattern) !== undefined) return undefined
  return neighboursOf(pattern.source).find(origin => pattern.test(origin))
}

/** One of the sites of other owners that the pattern is tried with, if the pattern lets it in. */
export function siteIn(pattern: RegExp): string | undefined {
  return SITES.find(origin => pattern.test(origin))
}

/** Names that no list holds: short, long and with all that a label may hold. */
const NAMES = ['qzx', 'qzxvkwjh', 'q7-k9x']
/**
 * Suffixes that anyone may register a name under, and the best known of the free ones
 * (publicsuffix.org).
 */
const SUFFIXES = [
  ...['com', 'net', 'org', 'io', 'dev', 'app', 'xyz', 'co.uk', 'com.au', 'de'],
  ...[
    'github.io',
    'gitlab.io',
    'pages.dev',
    'workers.dev',
    'vercel.app',
    'netlify.app',
    'web.app',
    'herokuapp.com',
  ],
  ...[
    'onrender.com',
    'azurewebsites.net',
    'cloudfront.net',
    's3.amazonaws.com',
    'ngrok-free.app',
    'trycloudflare.com',
  ],
]
/** RFC 5737, RFC 3849. */
const ADDRESSES = ['198.51.100.7', '[2001:db8::7]']
const PORTS = ['', ':8443']

const SITES = [
  ...NAMES.flatMap(name => SUFFIXES.flatMap(suffix => [`${name}.${suffix}`, `www.${name}.${suffix}`])),
  ...ADDRESSES,
].flatMap(host => originsOf(host, PORTS))

function originsOf(host: string, ports: readonly string[]): readonly string[] {
  return ports.flatMap(port => [`https://${host}${port}`, `http://${host}${port}`])
}

/**
 * Of `example\.com` in a pattern: the same in front of another domain, which shows a missing end,
 * and behind other letters, which shows a missing dot.
 */
function neighboursOf(source: string): readonly string[] {
  const host = source.slice(Math.max(0, source.search(/:(?:\\?\/){2}/)))
  const ports = [...PORTS, ...(host.match(/:\d{1,5}/g) ?? [])]
  const own = [...new Set(literalsOf(host))].slice(0, MOST_LITERALS)
  return own
    .flatMap(text => [
      `${text}.qzxvkwjh.com`,
      `www.${text}.qzxvkwjh.com`,
      `qzx${text}.qzxvkwjh.com`,
      ...['com', 'net', 'org'].map(suffix => `${text}qzx.${suffix}`),
      ...(text.includes('.') ? [`${text}qzx`] : []),
      ...(isRegistered(text) ? [`qzx${text}`, `qzx-${text}`] : []),
    ])
    .flatMap(origin => originsOf(origin, ports))
}

const MOST_LITERALS = 50

/** What a pattern says letter for letter: runs of what hosts are made of. */
function literalsOf(source: string): readonly string[] {
  const literal = source.replace(/\\(.)|([^a-z0-9-])/gi, (_, escaped: string | undefined) =>
    escaped === '.' || escaped === '-' ? escaped : ' ',
  )
  return literal
    .split(' ')
    .map(run => run.replace(/^[.-]+|[.-]+$/g, ''))
    .filter(run => run !== '')
}

/**
 * Whether the text is a registered domain: then anyone can register a longer one that holds it. A
 * subdomain such as `prod.example.com` is not one, as its domain has an owner.
 */
function isRegistered(text: string): boolean {
  const [suffix = '', second = '', ...more] = text.split('.').reverse()
  if (more.length > 1 || second === '' || !/^[a-z]{2,63}$/i.test(suffix) || INTERNAL.has(suffix)) return false
  return more.length === 0 || (suffix.length === 2 && SECOND_LEVEL.has(second))
}

/** RFC 6762 appendix G, RFC 6761 and ICANN's `internal`: these cannot be registered. */
const INTERNAL = new Set(
  'corp home internal intranet invalid lan local localdomain localhost private test'.split(' '),
)
/** As in `co.uk`. */
const SECOND_LEVEL = new Set('ac co com edu go gob gov ne net or org'.split(' '))
