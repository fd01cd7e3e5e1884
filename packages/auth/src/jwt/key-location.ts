import { type OptionPath, refuse } from '@palisade/core/middleware'
import { type CheckedIssuer, TEMPLATE } from './issuer-options.js'
import { type JsonClient, NotFound } from './json-client.js'

const LONGEST_SHOWN = 200

/** Finds where an issuer publishes its keys. */
export type KeyLocation = (client: JsonClient, signal: AbortSignal) => Promise<URL>

/** At a known address. */
export const knownLocation =
  (url: URL): KeyLocation =>
  async () =>
    url

/**
 * Where the issuer's metadata says (OpenID Connect Discovery section 4, RFC 8414 section 3). The
 * metadata must name the issuer exactly: otherwise one issuer could answer for another.
 *
 * @throws ConfigError for an issuer that has no such address
 */
export function discoveredLocation(
  { issuer = '', discovery, insecureHosts = [] }: CheckedIssuer,
  at: OptionPath,
): KeyLocation {
  const places =
    typeof discovery === 'string'
      ? [keysUrl(discovery, insecureHosts, at)]
      : metadataOf(issuer, insecureHosts, at)
  return async (client, signal) => {
    const [metadata, place] = await firstOf(places, client, signal)
    const { issuer: named, jwks_uri: uri } = (metadata ?? {}) as Record<string, unknown>
    if (named !== issuer)
      throw new Error(
        `the metadata names ${shown(named)} as its issuer, which is not exactly ${shown(issuer)}`,
      )
    // Metadata that came over an encrypted connection must not lead to a service of this machine.
    const url = safeUrl(uri, insecureHosts, place.protocol === 'http:')
    if (url === undefined) throw new Error(`the metadata has no jwks_uri that may be asked: ${shown(uri)}`)
    return url
  }
}

async function firstOf(
  places: readonly URL[],
  client: JsonClient,
  signal: AbortSignal,
): Promise<readonly [unknown, URL]> {
  for (const place of places) {
    try {
      return [await client.get(place, signal), place]
    } catch (error) {
      if (!(error instanceof NotFound) || place === places.at(-1)) throw error
    }
  }
  throw new Error('there is no place to ask')
}

/** Both forms of the address, the first one being far more common. */
function metadataOf(issuer: string, insecureHosts: readonly string[], at: OptionPath): readonly URL[] {
  if (issuer.includes(TEMPLATE))
    return refuse(at, true, `the URL of the metadata, since the issuer contains ${TEMPLATE}`)
  const url = safeUrl(issuer, insecureHosts, true)
  if (url === undefined || url.search !== '')
    return refuse(
      at,
      true,
      'the URL of the metadata, unless the issuer is an https URL without a query (http only for a loopback address or an insecure host)',
    )
  const path = url.pathname.replace(/\/$/, '')
  return [
    new URL(`${url.origin}${path}/.well-known/openid-configuration`),
    new URL(`${url.origin}/.well-known/oauth-authorization-server${path}`),
  ]
}

/** Keys that were read over an open network may have been replaced on the way. */
export function keysUrl(value: unknown, insecureHosts: readonly string[], at: OptionPath): URL {
  return (
    safeUrl(value, insecureHosts, true) ??
    refuse(
      at,
      value,
      'an https URL without user and fragment (http only for a loopback address, or a host that "insecureHosts" names)',
    )
  )
}

function safeUrl(value: unknown, insecureHosts: readonly string[], mayBeLoopback: boolean): URL | undefined {
  if (typeof value !== 'string' || value.length > 2000 || !URL.canParse(value)) return undefined
  const url = new URL(value)
  const isSafe =
    url.protocol === 'https:' ||
    (url.protocol === 'http:' &&
      (insecureHosts.includes(url.hostname) || (mayBeLoopback && isLoopback(url.hostname))))
  return isSafe && url.username === '' && url.password === '' && url.hash === '' ? url : undefined
}

/** The URL parser has already brought every IPv4 notation into one form. */
const isLoopback = (host: string) =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host)

/** Text from outside, cut for a message. */
const shown = (value: unknown) => JSON.stringify(value)?.slice(0, LONGEST_SHOWN) ?? 'nothing'
