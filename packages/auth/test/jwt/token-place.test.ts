import { ConfigError, pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  apiKey,
  apiKeys,
  authenticate,
  basic,
  bearer,
  cookie,
  type JwtOptions,
  jwt,
  query,
  subprotocol,
} from '../../src/index.js'
import { edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, NOW, SECRET } from '../support/tokens.js'

const base = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
const HANDLED = { csrf: 'handled' } as const
const everywhere = () => [bearer(), cookie('token', HANDLED), query('access_token'), subprotocol()]
const by = (options: Partial<JwtOptions> = {}) =>
  edge({ strategies: [jwt({ ...base, from: everywhere(), ...options } as JwtOptions)] })
const TOKEN = forge({ alg: 'HS256' }, claims())
const WRONG = forge({ alg: 'HS256' }, claims(), 'another secret of thirty-two characters')
const CHALLENGE = 'Bearer realm="api"'
const INVALID = `${CHALLENGE}, error="invalid_token", error_description="The access token is invalid"`
const MALFORMED = `${CHALLENGE}, error="invalid_request", error_description="Malformed credentials"`

type Sent = { url?: string; headers?: Record<string, string | string[]> }
const PLACES: Readonly<Record<string, (token: string) => Sent>> = {
  header: token => ({ headers: { authorization: `Bearer ${token}` } }),
  cookie: token => ({ headers: { cookie: `theme=dark; token=${token}; lang=de` } }),
  query: token => ({ url: `/x?a=1&access_token=${token}` }),
  subprotocol: token => ({ headers: { 'sec-websocket-protocol': `chat, bearer.${token}` } }),
}
const names = Object.keys(PLACES)
const at = (place: string, token: string): Sent => (PLACES[place] as (token: string) => Sent)(token)
const both = (one: Sent, other: Sent): Sent => ({
  url: one.url ?? other.url ?? '/x',
  headers: { ...one.headers, ...other.headers },
})

describe.each(names)('given a token in the %s', place => {
  test('when it is right, then it opens, at first and from the cache', async () => {
    const { send, logs } = by()
    for (let i = 0; i < 3; i++) expect((await send(at(place, TOKEN))).state.identity?.subject).toBe('ada')
    expect(logs).toEqual([])
  })

  test('when it is wrong or has not the form, then the challenges are those of RFC 6750', async () => {
    const { send } = by()
    const wrong = await send(at(place, WRONG))
    expect([wrong.status, wrong.headers['www-authenticate']]).toEqual([401, INVALID])
    const broken = await send(at(place, place === 'query' ? '%20x' : '"no"token'))
    expect([broken.status, broken.headers['www-authenticate']]).toEqual([400, MALFORMED])
  })

  test('when it is not looked for there, then there is no credential', async () => {
    const others = { header: [cookie('token', HANDLED)] }
    const { send, violations } = by({ from: others[place as 'header'] ?? [bearer()] })
    const { status, headers } = await send(at(place, TOKEN))
    expect([status, headers['www-authenticate'], violations]).toEqual([401, CHALLENGE, []])
  })

  test.each(names.filter(other => other !== place))(
    'and one in the %s, when both are sent, then it is a 400, whatever they are',
    async other => {
      for (const [one, two] of [
        [TOKEN, TOKEN],
        [TOKEN, WRONG],
        [WRONG, TOKEN],
      ] as const) {
        const { send } = by()
        await send(at(place, TOKEN))
        const { status, headers, passed } = await send(both(at(place, one), at(other, two)))
        expect([status, headers['www-authenticate'], passed]).toEqual([400, MALFORMED, false])
      }
    },
  )
})

describe('given a place twice in one request', () => {
  test.each<[string, Sent]>([
    ['two cookies', { headers: { cookie: `token=${TOKEN}; token=${TOKEN}` } }],
    ['two parameters', { url: `/?access_token=${TOKEN}&access_token=${TOKEN}` }],
    ['two subprotocols', { headers: { 'sec-websocket-protocol': `bearer.${TOKEN}, bearer.${TOKEN}` } }],
    ['two headers', { headers: { authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] } }],
  ])('when there are %s, then it is a 400', async (_, sent) => {
    const { status, passed } = await by().send(sent)
    expect([status, passed]).toEqual([400, false])
  })
})

describe('given the names of places', () => {
  test.each<[string, Sent, number]>([
    ['a cookie whose name ends so', { headers: { cookie: `xtoken=${TOKEN}` } }, 401],
    ['a cookie whose name begins so', { headers: { cookie: `tokens=${TOKEN}` } }, 401],
    ['a cookie of another case', { headers: { cookie: `Token=${TOKEN}` } }, 401],
    ['a cookie whose value has the name', { headers: { cookie: `a=token=${TOKEN}` } }, 401],
    ['a cookie in quotes', { headers: { cookie: `token="${TOKEN}"` } }, 200],
    ['a cookie that a logout left empty', { headers: { cookie: 'token=' } }, 401],
    ['an empty cookie and a right one', { headers: { cookie: `token=; token=${TOKEN}` } }, 200],
    ['a parameter of another case', { url: `/?Access_Token=${TOKEN}` }, 401],
    ['an empty parameter', { url: '/?access_token=' }, 400],
    ['a parameter in the path', { url: `/access_token=${TOKEN}` }, 401],
    ['a parameter in the fragment', { url: `/#?access_token=${TOKEN}` }, 401],
    ['another subprotocol', { headers: { 'sec-websocket-protocol': 'chat, graphql-ws' } }, 401],
    ['a header of another scheme', { headers: { authorization: 'Digest x' } }, 401],
  ])('when there is %s, then it is %3$i', async (_, sent, status) => {
    expect((await by().send(sent)).status).toBe(status)
  })

  test('when other strategies read the Authorization header, then a cookie beside it is a second credential', async () => {
    const strategies = [
      jwt({ ...base, from: [bearer(), cookie('token', HANDLED)] }),
      basic({ verify: name => ({ subject: name }) }),
      apiKey({ keys: apiKeys() }),
    ]
    const { send } = edge({ strategies })
    const password = { authorization: `Basic ${Buffer.from('ada:x').toString('base64')}` }
    expect((await send({ headers: password })).status).toBe(200)
    expect((await send({ headers: { ...password, cookie: `token=${TOKEN}` } })).status).toBe(400)
    expect((await send({ headers: { 'x-api-key': 'k', cookie: `token=${TOKEN}` } })).status).toBe(400)
  })
})

describe('given a token in the query', () => {
  test('when it is read, then nothing that is emitted, logged or sent has it', async () => {
    const here = edge({
      strategies: [jwt({ ...base, from: [query()] })],
      login: { path: '/login' },
    })
    const expired = forge({ alg: 'HS256' }, claims({ exp: NOW - 60 }))
    const seen: unknown[] = []
    for (const token of [TOKEN, WRONG, expired, 'x y']) {
      const browser = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
      for (const headers of [{}, browser]) {
        const {
          status,
          headers: sent,
          body,
        } = await here.send({
          url: `/page?a=1&access_token=${encodeURIComponent(token)}&b=2`,
          headers,
        })
        seen.push(sent, body)
        expect(sent['cache-control']).toMatch(/private|no-store/)
        if (status === 303) expect(decodeURIComponent(sent['location'] ?? '')).toContain('/page?a=1&b=2')
      }
    }
    const written = JSON.stringify([seen, here.failures, here.violations, here.logs, here.debugs])
    for (const part of [TOKEN, WRONG, expired].map(token => token.split('.')[2] as string))
      expect(written).not.toContain(part)
  })
})

describe('given a cookie', () => {
  const linesOf = async (...from: Parameters<typeof jwt>[0]['from'] & object) => {
    const lines: { level: string; message: string | undefined }[] = []
    const write = (level: string) => (_: object, message?: string) => void lines.push({ level, message })
    const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
    const built = pipeline({ clock: fakeClock(), logger }).use(
      authenticate({ strategies: [jwt({ ...base, from })] }),
    )
    for (let i = 0; i < 3; i++) await inject(built, at('cookie', TOKEN))
    return lines.filter(({ level }) => level === 'warn')
  }

  test('when nothing is said of other sites, then the start warns of CSRF, once', async () => {
    const lines = await linesOf(bearer(), cookie('token'))
    expect(lines.map(({ message }) => message)).toEqual([expect.stringContaining('CSRF')])
  })

  test('when that is handled, or there is no cookie, then it is silent', async () => {
    expect(await linesOf(cookie('token', HANDLED))).toEqual([])
    expect(await linesOf(bearer(), query(), subprotocol())).toEqual([])
  })
})

test.each<[string, () => unknown]>([
  ['jwt: option "from"', () => by({ from: [] })],
  ['jwt: option "from[0]"', () => by({ from: ['cookie' as never] })],
  ['jwt: option "from[0]"', () => by({ from: [bearer as never] })],
  ['jwt: option "from[1]"', () => by({ from: [bearer(), bearer()] })],
  ['jwt: option "from[1]"', () => by({ from: [cookie('a'), cookie('a')] })],
  ['jwt: option "header"', () => by({ header: 'x-token' })],
  ['cookie: option "name"', () => cookie('a b')],
  ['cookie: option "name"', () => cookie('')],
  ['cookie: option "name"', () => cookie(undefined as never)],
  ['cookie: option "csrf"', () => cookie('a', { csrf: true as never })],
  ['cookie: option "crsf"', () => cookie('a', { crsf: 'handled' } as never)],
  ['query: option "name"', () => query('')],
  ['query: option "name"', () => query('a&b')],
  ['subprotocol: option "name"', () => subprotocol('a, b')],
])('%s is named when it is wrong', (message, build) => {
  expect(build).toThrow(ConfigError)
  expect(build).toThrow(message)
})
