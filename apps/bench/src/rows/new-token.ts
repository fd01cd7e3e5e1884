import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import { AUDIENCE, ISSUER } from '../hosts/host.js'
import type { Row } from './row.js'
import { authenticator, FAST_JWT, TokenContext, tokens } from './tokens.js'

/**
 * Who brought a token that nothing is known of: a signature check (RS256, 2048 bits) and the
 * claims.
 */
export const newToken: Row = {
  title: 'JWT, seen for the first time',
  contestants: [
    {
      name: 'palisade authenticate',
      prepare() {
        const { fieldAt } = tokens()
        const { services, run, dispose } = authenticator(false)
        return {
          async run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) {
              const ctx = new TokenContext(services, fieldAt(i))
              await run(ctx)
              sum += ctx.state.identity?.subject.length ?? Number.NaN
            }
            return sum
          },
          dispose,
        }
      },
    },
    {
      name: 'jose, with a key object',
      prepare() {
        const { credentials, fieldAt } = tokens()
        const key = createPublicKey(credentials.publicKey)
        const options = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'] }
        return {
          async run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) {
              const { payload } = await jwtVerify(fieldAt(i).slice(7), key, options)
              sum += payload.sub?.length ?? Number.NaN
            }
            return sum
          },
        }
      },
    },
    {
      name: 'fast-jwt',
      prepare() {
        const { credentials, fieldAt } = tokens()
        const verify = createVerifier({ ...FAST_JWT, key: credentials.publicKey })
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
