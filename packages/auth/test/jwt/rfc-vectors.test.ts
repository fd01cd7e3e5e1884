import { createPublicKey } from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import { compactVerify, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { KeySet } from '../../src/jwt/key-set.js'
import { bearer, edge } from '../support/edge.js'

/** `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}` of RFC 7515 appendix A and RFC 7519 section 3.1. */
const PAYLOAD =
  'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
const EXP = 1_300_819_380

interface Vector {
  readonly source: string
  readonly alg: string
  readonly header: string
  readonly signature: string
  readonly key: JWK
}

const VECTORS: readonly Vector[] = [
  {
    source: 'RFC 7515 appendix A.1 and RFC 7519 section 3.1',
    alg: 'HS256',
    header: 'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9',
    signature: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    key: {
      kty: 'oct',
      k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    },
  },
  {
    source: 'RFC 7515 appendix A.2',
    alg: 'RS256',
    header: 'eyJhbGciOiJSUzI1NiJ9',
    signature:
      'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw',
    key: {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
  },
  {
    source: 'RFC 7515 appendix A.3',
    alg: 'ES256',
    header: 'eyJhbGciOiJFUzI1NiJ9',
    signature: 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
  },
]

/** The examples have neither `aud` nor `sub`, so that other claims take their places. */
const common = { issuer: 'joe', audience: { claim: 'iss', values: 'joe' }, subject: 'iss' }
const optionsOf = ({ alg, key }: Vector): JwtOptions =>
  (key.kty === 'oct'
    ? { ...common, secret: Buffer.from(key.k as string, 'base64url'), algorithms: [alg] }
    : { ...common, jwks: { keys: [key] } }) as JwtOptions

/** @param seconds how long after the end of the examples */
const at = (seconds: number, options: JwtOptions) =>
  edge({ strategies: [jwt(options)] }, fakeClock((EXP + seconds) * 1000))

describe.each(VECTORS)('given the example of $source', vector => {
  const token = `${vector.header}.${PAYLOAD}.${vector.signature}`

  test('when it has not expired, then it is right', async () => {
    const { status, state } = await at(-60, optionsOf(vector)).send(bearer(token))
    expect([status, state.identity?.subject, state.identity?.expiresAt]).toEqual([200, 'joe', EXP * 1000])
    expect(state.identity?.claims['http://example.com/is_root']).toBe(true)
  })

  test('when its time has passed, then it has expired, and its signature was looked at first', async () => {
    const here = at(60, optionsOf(vector))
    expect((await here.send(bearer(token))).status).toBe(401)
    expect(here.failures[0]?.reason).toBe('expired')
  })

  test('when the signature is changed in any place, then it is refused', async () => {
    for (const place of [0, 10, vector.signature.length - 3]) {
      const changed = vector.signature[place] === 'A' ? 'B' : 'A'
      const signature = vector.signature.slice(0, place) + changed + vector.signature.slice(place + 1)
      const here = at(-60, optionsOf(vector))
      expect((await here.send(bearer(`${vector.header}.${PAYLOAD}.${signature}`))).status).toBe(401)
      expect(here.failures[0]?.reason).toBe('signature')
    }
  })

  test.each(VECTORS.filter(({ alg }) => alg !== vector.alg))(
    'when the key is that of $source, then it is refused',
    async other => {
      expect((await at(-60, optionsOf(other)).send(bearer(token))).status).toBe(401)
    },
  )
})

describe('given examples that are no signed tokens', () => {
  const [hmac] = VECTORS as [Vector]

  test.each<[source: string, token: string, reason: string]>([
    [
      'RFC 7515 appendix A.5 and RFC 7519 section 6.1: unsecured',
      `eyJhbGciOiJub25lIn0.${PAYLOAD}.`,
      'no signature',
    ],
    [
      'RFC 7515 appendix E: an extension that nobody understands',
      'eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.',
      'no JSON',
    ],
    [
      'RFC 7519 appendix A.1: encrypted, in five parts',
      'eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qDcjiHnSJflSdv1i.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA',
      'no JWS',
    ],
  ])('when it is %s, then it is refused', async (_, token, reason) => {
    const here = at(-60, optionsOf(hmac))
    expect((await here.send(bearer(token))).status).toBe(401)
    expect(here.failures[0]?.reason).toBe(reason)
  })

  test('when it is RFC 7515 appendix A.6, the JSON serialization, then it has not the form of a token', async () => {
    const json = JSON.stringify({
      payload: PAYLOAD,
      signatures: [{ protected: hmac.header, signature: hmac.signature }],
    })
    expect((await at(-60, optionsOf(hmac)).send(bearer(json))).status).toBe(400)
  })
})

describe('given signatures over texts that are no claims', () => {
  test.each<[source: string, token: string, key: JWK]>([
    [
      'RFC 7515 appendix A.4',
      'eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn',
      {
        kty: 'EC',
        crv: 'P-521',
        x: 'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk',
        y: 'ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2',
      },
    ],
    [
      'RFC 8037 appendix A.4',
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
      { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    ],
  ])(
    'when it is %s, then the key of the set verifies it, and it is refused as a token',
    async (_, token, key) => {
      const { alg } = JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()) as {
        alg: string
      }
      const [found] = new KeySet({ keys: [key] }).keysFor({ alg })
      expect(found?.equals(createPublicKey({ key, format: 'jwk' }))).toBe(true)
      await expect(compactVerify(token, found as never)).resolves.toBeDefined()
      const here = at(-60, { ...common, jwks: { keys: [key] } } as JwtOptions)
      expect((await here.send(bearer(token))).status).toBe(401)
      expect(here.failures[0]?.reason).toBe('no JSON')
    },
  )
})
