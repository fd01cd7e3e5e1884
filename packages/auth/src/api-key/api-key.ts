import {
  alsoCalled,
  checkOptions,
  headerName,
  optional,
  quotedString,
  refuse,
  text,
} from '@palisade/core/middleware'
import { realmName } from '../challenge.js'
import type { Strategy } from '../strategy.js'
import { ApiKeys } from './api-keys.js'

export interface ApiKeyOptions {
  /** What `apiKeys()` returns. */
  keys: ApiKeys
  /**
   * Where the key is. Default `x-api-key`. With `authorization` it is `<scheme> <key>`, and other
   * credentials there are left to others.
   */
  header?: string
  /** The same as `header`. */
  headerName?: string
  /** The word in front of the key in `authorization`, and in the challenge. Default `Bearer`. */
  scheme?: string
  /** How rules name it. Default `api-key`. */
  name?: string
  /** Default `api`. */
  realm?: string
}

export interface PresentedKey {
  readonly key: string
}

/**
 * API keys in a header: a secret that a program sends with each request.
 *
 * It defends against guessing (256 bits), stolen databases (keyed hashes) and keys that leave their
 * place (networks, hours, quotas). Fails closed: a store that is down is a 503. A key that is
 * stolen in full works until it is revoked, from wherever its networks allow.
 *
 *     apiKey({ keys: apiKeys({ store }), header: 'x-api-key' })
 *
 * @throws ConfigError for a wrong option
 */
export function apiKey(options: ApiKeyOptions): Strategy<PresentedKey> {
  const { keys, header, scheme, name, realm } = checkOptions('apiKey', options, {
    keys: (value, at) => (value instanceof ApiKeys ? value : refuse(at, value, 'what apiKeys() returns')),
    header: alsoCalled('headerName', optional(headerName, 'x-api-key')),
    scheme: optional(
      text({ pattern: /^[A-Za-z][\w-]{0,30}$/, allowed: 'an authentication scheme such as "Bearer"' }),
    ),
    name: optional(text({ max: 50 }), 'api-key'),
    realm: optional(realmName, 'api'),
  })
  const isShared = header === 'authorization'
  if (scheme !== undefined && !isShared)
    refuse({ owner: 'apiKey', option: 'scheme' }, scheme, 'nothing, unless the header is "authorization"')
  /** What is asked for is what is read. A header of its own has no registered scheme. */
  const asked = isShared ? (scheme ?? 'Bearer') : 'ApiKey'
  /** RFC 9110 section 11.4: one space or more. */
  const form = new RegExp(`^${asked} +(.*)$`, 'is')
  const challenge = `${asked} realm=${quotedString(realm)}`

  return {
    name,
    scheme: asked,

    extract(ctx) {
      const field = ctx.header(header)
      if (field === undefined) return null
      if (!isShared) return { key: field }
      // A bearer token of another strategy has another form, and is not one of our keys.
      const key = form.exec(field)?.[1] ?? ''
      return keys.verifier.isOurs(key) ? { key } : null
    },

    verify: ({ key }, attempt) => keys.verifier.verify(key, attempt),
    challenge: () => challenge,
    secretOf: ({ key }) => key,
    setup: services => keys.setup(services),
    dispose: () => keys.dispose(),
  }
}
