import { isPromise } from '@palisade/core/middleware'
import { createVerifier } from 'fast-jwt'
import { epochMs } from '../clock.js'
import { Tokens } from '../hosts/floor/tokens.js'
import type { Prepared, Row } from './row.js'
import { authenticator, FAST_JWT, manyWays, TokenContext, tokens } from './tokens.js'

/**
 * Who brought a token that was verified a moment ago. All are given a new string each time, and
 * making it is part of the figure.
 */
export const cachedToken: Row = {
  title: 'JWT, verified before',
  contestants: [
    {
      name: 'palisade authenticate',
      prepare: () => palisade({}),
    },
    {
      name: 'palisade authenticate, three strategies and five rules',
      prepare: () => palisade(manyWays()),
    },
    {
      name: 'by hand (a Map)',
      async prepare() {
        const { credentials, fieldAt } = tokens()
        const known = new Tokens(credentials.publicKey)
        for (const i of credentials.tokens.keys()) await known.verify(fieldAt(i), epochMs())
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++)
              sum += known.find(fieldAt(i), epochMs())?.subject.length ?? Number.NaN
            return sum
          },
        }
      },
    },
    {
      name: 'fast-jwt with its cache, by the token',
      prepare() {
        const { credentials, fieldAt } = tokens()
        const verify = createVerifier({
          ...FAST_JWT,
          key: credentials.publicKey,
          cache: 10_000,
          cacheKeyBuilder: token => token,
        })
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++)
              sum += (verify(fieldAt(i).slice(7)) as { sub: string }).sub.length
            return sum
          },
        }
      },
    },
    {
      name: 'fast-jwt with its cache, by a hash (its default)',
      prepare() {
        const { credentials, fieldAt } = tokens()
        const verify = createVerifier({ ...FAST_JWT, key: credentials.publicKey, cache: 10_000 })
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++)
              sum += (verify(fieldAt(i).slice(7)) as { sub: string }).sub.length
            return sum
          },
        }
      },
    },
  ],
}

/** With all tokens verified. */
async function warm(more: Parameters<typeof authenticator>[1]) {
  const { credentials, fieldAt } = tokens()
  const made = authenticator({ ttl: '10m' }, more)
  for (const i of credentials.tokens.keys()) await made.run(new TokenContext(made.services, fieldAt(i)))
  return { ...made, fieldAt }
}

async function palisade(options: Parameters<typeof warm>[0]): Promise<Prepared> {
  const { fieldAt, services, run, dispose } = await warm(options)
  return {
    run(decisions) {
      let sum = 0
      for (let i = 0; i < decisions; i++) {
        const ctx = new TokenContext(services, fieldAt(i))
        if (isPromise(run(ctx))) throw new Error('a known token was waited for')
        sum += ctx.state.identity?.subject.length ?? Number.NaN
      }
      return sum
    },
    dispose,
  }
}
