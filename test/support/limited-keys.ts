import { type ApiKeysOptions, apiKey, apiKeys, authenticate, type NewApiKey } from '@palisade/auth'
import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { createLimiter } from '@palisade/ratelimit'

export const FIELDS: NewApiKey = { name: 'Mobile app', owner: 'u42' }

/** Keys with limiters of `@palisade/ratelimit`, in a world whose time a test moves. */
export function setUp(options: ApiKeysOptions = {}, mode: 'enforce' | 'shadow' = 'enforce') {
  const clock = fakeClock(1_700_000_000_000)
  const limiter = (rate: { limit: number; window: number }) =>
    createLimiter({ ...rate, algorithm: 'fixed-window', clock })
  const keys = apiKeys({ clock, limiter, ...options })
  const auth = authenticate({ strategies: [apiKey({ keys })], mode })
  const edge = pipeline({ clock, production: true }).use(auth)
  const use = (key: string, built: Parameters<typeof inject>[0] = edge) =>
    inject(built, { headers: { 'x-api-key': key } })
  return { clock, keys, auth, use }
}
