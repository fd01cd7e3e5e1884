import { createPublicKey } from 'node:crypto'
import { type AlwaysRequired, apiKey, apiKeys, authenticate, basic, jwt } from '@palisade/auth'
import { type Identity, pipeline, type RequestContext, type Services } from '@palisade/core'
import { AUDIENCE, ISSUER } from '../hosts/host.js'
import { type Credentials, issueCredentials } from '../load/issuer.js'

/** What the rows about tokens share. */
export interface Tokens {
  readonly credentials: Credentials
  /**
   * The `Authorization` field of a request in a string of its own, as a parser makes it: nothing of
   * it has been looked at before.
   */
  fieldAt(i: number): string
}

let issued: Tokens | undefined

/** Made when first asked for: a key takes a while. */
export function tokens(): Tokens {
  issued ??= issue()
  return issued
}

function issue(): Tokens {
  const credentials = issueCredentials()
  const bytes = credentials.tokens.map(token => Buffer.from(`Bearer ${token}`))
  return {
    credentials,
    fieldAt(i) {
      const field = bytes[i % bytes.length] as Buffer
      return field.toString('latin1')
    },
  }
}

/** The part of a context that authentication touches. */
export class TokenContext {
  readonly state: { identity?: Identity | undefined } = { identity: undefined }
  readonly services: Services
  readonly path = '/api/orders/42'
  /** A host's context reads the clock once, also without authentication. */
  readonly startedAt = 0
  private readonly field: string

  constructor(services: Services, field: string) {
    this.services = services
    this.field = field
  }

  header(name: string): string | undefined {
    return name === 'authorization' ? this.field : undefined
  }

  deny(): never {
    throw new Error('a token was refused')
  }

  /** No listener asks for decisions. */
  allowed(): void {}
}

/** Asks `authenticate()` about one request after the other. */
export function authenticator(cache: false | { ttl: '10m' }, more: Partial<AlwaysRequired> = {}) {
  const { publicKey } = tokens().credentials
  const strategy = jwt({
    issuer: ISSUER,
    audience: AUDIENCE,
    publicKey: createPublicKey(publicKey),
    algorithms: ['RS256'],
    cache,
  })
  const { strategies = [], ...rest } = more
  const middleware = authenticate({ ...rest, strategies: [strategy, ...strategies] })
  const { services } = pipeline().use(middleware).compile()
  return {
    services,
    run: (ctx: TokenContext) =>
      middleware.onRequest?.(ctx as unknown as RequestContext<{ identity: Identity }>),
    dispose: () => middleware.dispose?.(),
  }
}

/** What else a team may have in the same middleware. */
export const manyWays = (): Partial<AlwaysRequired> => ({
  strategies: [apiKey({ keys: apiKeys() }), basic({ verify: () => undefined })],
  rules: [
    { path: '/**' },
    { path: '/admin/**', use: ['jwt'] },
    { path: '/api/**', use: ['jwt', 'api-key', 'basic'] },
    { path: '/api/*/items', use: ['jwt'] },
    { path: '/reports/**', use: ['basic'] },
  ],
})

export const FAST_JWT = { algorithms: ['RS256' as const], allowedIss: ISSUER, allowedAud: AUDIENCE }
