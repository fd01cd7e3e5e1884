import { describe, expect, test } from 'vitest'
import { type BasicOptions, basic } from '../../src/index.js'
import { edge } from '../support/edge.js'

/** What `verify` was asked, and what the client got. */
async function ask(authorization: string | readonly string[], options: Partial<BasicOptions> = {}) {
  const asked: (readonly [string, string])[] = []
  const verify: BasicOptions['verify'] = (username, password) => {
    asked.push([username, password])
    return { subject: 'u1' }
  }
  const { send } = edge({ strategies: [basic({ verify, ...options })] })
  const { status, headers } = await send({ headers: { authorization } })
  return { asked, status, challenge: headers['www-authenticate'] }
}

const field = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`

describe('the examples of RFC 7617', () => {
  test.each([
    ['section 2', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', ['Aladdin', 'open sesame']],
    ['section 2.1, in UTF-8', 'Basic dGVzdDoxMjPCow==', ['test', '123\u00a3']],
  ])('given the credentials of %s then they are read as it says', async (_, authorization, pair) => {
    expect(await ask(authorization)).toMatchObject({ asked: [pair], status: 200 })
  })

  test('given the realm of section 2.1 then the challenge is the one it shows', async () => {
    expect(await ask('Basic !', { realm: 'foo' })).toMatchObject({
      status: 401,
      challenge: 'Basic realm="foo", charset="UTF-8"',
    })
  })

  test.each(['basic', 'BASIC', 'bAsIc'])('given the scheme as %s then it is the same', async scheme => {
    expect(await ask(`${scheme} QWxhZGRpbjpvcGVuIHNlc2FtZQ==`)).toMatchObject({ status: 200 })
  })

  test('given several spaces behind the scheme (RFC 9110 section 11.4) then it is the same', async () => {
    expect(await ask('Basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ==')).toMatchObject({ status: 200 })
  })
})

describe('user-id and password may each be empty (RFC 7617 section 2)', () => {
  test.each([
    ['a key as the user, no password', 'sk_live_4eC39HqLyjW:', ['sk_live_4eC39HqLyjW', '']],
    ['a key as the password, no user', ':sk_live_4eC39HqLyjW', ['', 'sk_live_4eC39HqLyjW']],
    ['neither', ':', ['', '']],
    ['a colon as the password', '::', ['', ':']],
    ['a password that ends with a colon', 'ada:secret:', ['ada', 'secret:']],
    ['spaces alone', ' : ', [' ', ' ']],
  ])('given %s then verify is asked with what was sent', async (_, text, pair) => {
    expect(await ask(field(text))).toMatchObject({ asked: [pair], status: 200 })
  })
})

describe('what RFC 7617 rules out never reaches verify', () => {
  test.each([
    ['no colon', field('Aladdin')],
    ['nothing encoded', 'Basic '],
    ['a control character in the user', field('Ala\x07ddin:x')],
    ['a control character in the password', field('Aladdin:\x7f')],
    ['octets that are no UTF-8, as ISO-8859-1 writes them', field(Buffer.from('test:123\u00a3', 'latin1'))],
    ['parameters instead of token68', 'Basic user="Aladdin"'],
    ['two fields', ['Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==']],
  ])('given %s then it is 401', async (_, authorization) => {
    expect(await ask(authorization)).toMatchObject({ asked: [], status: 401 })
  })
})
