import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { denialOf } from '../../src/host.js'
import {
  ConfigError,
  type Denial,
  type ErrorRenderer,
  envelope,
  type PipelineOptions,
  pipeline,
  problemDetails,
  Reply,
  RequestError,
  requestId,
} from '../../src/index.js'
import { fakeClock, inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

const ID = '00000000-0000-4000-8000-000000000000'
const AT = Date.UTC(2030, 0, 2, 3, 4, 5, 6)

/** A pipeline that refuses, or throws, in a world that stands still. */
function refusing(what: Denial | Error, options: PipelineOptions = {}) {
  return pipeline({ clock: fakeClock(AT), logger: memoryLogger(), production: true, ...options })
    .use(requestId({ generator: () => ID }))
    .use({
      name: 'refusing',
      onRequest(ctx) {
        if (what instanceof Error) throw what
        return ctx.deny(what)
      },
    })
}

const DENIAL: Denial = {
  status: 429,
  code: 'RATE_LIMITED',
  message: 'Too many requests',
  details: { policies: ['burst'] },
  retryAfterSeconds: 7,
  headers: { 'X-Policy': 'burst' },
  reason: 'for the team only',
}

describe('envelope', () => {
  it('given a refusal with everything, when it is rendered, then the bytes are these', async () => {
    const { status, headers, body } = await inject(refusing(DENIAL))
    expect(status).toBe(429)
    expect(body).toBe(
      `{"error":{"code":"RATE_LIMITED","message":"Too many requests","details":{"policies":["burst"]},"retry_after":7,"timestamp":"2030-01-02T03:04:05.006Z","request_id":"${ID}"}}`,
    )
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'retry-after': '7',
      'x-policy': 'burst',
    })
  })

  it('given a refusal with the least, when it is rendered, then what is absent is left out', async () => {
    const { body, headers } = await inject(
      refusing({ status: 403, code: 'FORBIDDEN', message: 'Access denied' }),
    )
    expect(body).toBe(
      `{"error":{"code":"FORBIDDEN","message":"Access denied","timestamp":"2030-01-02T03:04:05.006Z","request_id":"${ID}"}}`,
    )
    expect(headers).not.toHaveProperty('retry-after')
  })

  it('given an error in production, when it is rendered, then nothing of its cause shows', async () => {
    const { status, body } = await inject(refusing(new Error('connect ECONNREFUSED db.internal')))
    expect(status).toBe(500)
    expect(body).toBe(
      `{"error":{"code":"INTERNAL_ERROR","message":"An unexpected error occurred","timestamp":"2030-01-02T03:04:05.006Z","request_id":"${ID}"}}`,
    )
  })

  it('given an error in development, when it is rendered, then it shows message, type and stack', async () => {
    const response = await inject(refusing(new RangeError('off by one'), { production: false }))
    expect(response.json()).toMatchObject({
      error: {
        code: 'INTERNAL_ERROR',
        details: {
          error: 'off by one',
          type: 'RangeError',
          stack: expect.arrayContaining([
            'RangeError: off by one',
            expect.stringContaining('errors.test.ts'),
          ]),
        },
      },
    })
  })

  it('given a thrown value that is no error, when it is rendered in development, then it is shown as text', async () => {
    const edge = refusing('plain' as unknown as Error, { production: false })
    // A string is no Denial: deny() of it makes an invalid status, which is thrown.
    const thrown = pipeline({ logger: memoryLogger(), production: false }).use({
      name: 'odd',
      onRequest() {
        throw 'a string'
      },
    })
    expect((await inject(edge)).status).toBe(500)
    expect((await inject(thrown)).json()).toMatchObject({ error: { details: { error: 'a string' } } })
  })

  it('given a refusal in development, when it is rendered, then it shows no trace: it has no cause', async () => {
    const { body } = await inject(refusing(DENIAL, { production: false }))
    expect(body).not.toMatch(/stack|for the team only/)
  })
})

describe('problemDetails (RFC 9457)', () => {
  it('given a refusal, when it is rendered, then the members are those of the RFC and ours are extensions', async () => {
    const { headers, body } = await inject(refusing(DENIAL, { errors: problemDetails() }))
    expect(headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests',
      instance: `urn:uuid:${ID}`,
      code: 'RATE_LIMITED',
      details: { policies: ['burst'] },
      retry_after: 7,
      timestamp: '2030-01-02T03:04:05.006Z',
      request_id: ID,
    })
    expect(headers['retry-after']).toBe('7')
  })

  it('given a denial with a type of its own, when it is rendered, then its extensions replace no standard member', async () => {
    const problem = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota exceeded',
      extensions: { 'violated-policies': ['burst'], status: 200, type: 'about:evil' },
    }
    const response = await inject(refusing({ ...DENIAL, problem }, { errors: problemDetails() }))
    expect(response.json()).toMatchObject({
      type: problem.type,
      title: 'Quota exceeded',
      status: 429,
      'violated-policies': ['burst'],
    })
  })

  it('given an id that is no UUID, when it is rendered, then there is no instance', async () => {
    const edge = pipeline({ errors: problemDetails() }).use({
      name: 'deny',
      onRequest(ctx) {
        ctx.requestId = 'abc'
        return ctx.deny(DENIAL)
      },
    })
    const body = (await inject(edge)).json()
    expect(body).not.toHaveProperty('instance')
    expect(body).toMatchObject({ request_id: 'abc' })
  })

  it('given an error, when it is rendered, then production hides the trace that development shows', async () => {
    const errors = problemDetails()
    const hidden = await inject(refusing(new Error('boom'), { errors }))
    expect(hidden.body).not.toMatch(/boom|stack/)
    const shown = await inject(refusing(new Error('boom'), { errors, production: false }))
    expect(shown.json()).toMatchObject({ trace: { error: 'boom', type: 'Error' } })
  })
})

describe('a renderer of the team’s own', () => {
  it('given a function, when something is refused, then it gets all there is to know and its reply is sent', async () => {
    let failure: unknown
    const errors: ErrorRenderer = (given, ctx) => {
      failure = given
      return new Reply(given.status, { 'X-Path': ctx.path }, given.code)
    }
    const { body, headers } = await inject(refusing(DENIAL, { errors }), { url: '/a' })
    expect(body).toBe('RATE_LIMITED')
    expect(headers).toMatchObject({ 'x-path': '/a', 'retry-after': '7', 'x-policy': 'burst' })
    expect(failure).toEqual({ ...DENIAL, cause: undefined, production: true, timestamp: AT, requestId: ID })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('template missing')
      },
    ],
    ['returns nothing, which a runner would take for "go on"', () => undefined],
    ['returns a promise', async () => new Reply(403)],
    ['returns a host’s response', () => new Response('no')],
  ])(
    'given a renderer that %s, when something is refused, then it stays refused, in a plain form, and is logged',
    async (_, render) => {
      const logger = memoryLogger()
      const { status, passed, body, headers } = await inject(
        refusing(DENIAL, { errors: render as unknown as ErrorRenderer, logger }),
      )
      expect([status, passed]).toEqual([429, false])
      expect(JSON.parse(body)).toEqual({ error: { code: 'RATE_LIMITED', message: 'Too many requests' } })
      expect(headers['retry-after']).toBe('7')
      expect(logger.lines).toMatchObject([{ level: 'error', message: 'the error renderer failed' }])
    },
  )

  describe.each([
    ['envelope', envelope],
    ['problemDetails', problemDetails],
  ])('given the renderer %s and no option "production"', (_, errors) => {
    afterEach(() => vi.unstubAllEnvs())

    const bodyIn = async (mode: string | undefined, production?: boolean): Promise<string> => {
      vi.stubEnv('NODE_ENV', mode)
      const options = {
        errors: errors(),
        logger: memoryLogger(),
        ...(production !== undefined && { production }),
      }
      const handler = () => {
        throw new Error('secret of the database')
      }
      return (await inject(pipeline(options), { handler })).body
    }

    it.each([undefined, '', 'production', 'staging', 'prod', 'Development', 'TEST', ' test'])(
      'when NODE_ENV is %j and a handler throws, then the cause is hidden',
      async mode => {
        expect(await bodyIn(mode)).not.toMatch(/secret|errors\.test/)
      },
    )

    it.each(['development', 'test'])('when NODE_ENV is %j, then the cause is shown', async mode => {
      expect(await bodyIn(mode)).toMatch(/secret of the database/)
    })

    it('when the option is given, then it decides', async () => {
      expect(await bodyIn('development', true)).not.toMatch(/secret/)
      expect(await bodyIn('production', false)).toMatch(/secret/)
    })
  })
})

describe('how a thrown error is answered', () => {
  const http = (fields: object) => Object.assign(new Error('said'), fields)

  it.each([
    [
      'a RequestError',
      new RequestError(415, 'JSON only'),
      { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: 'JSON only' },
    ],
    [
      'one with a code',
      new RequestError(400, 'Bad', { code: 'BAD_CURSOR', details: { at: 3 } }),
      { status: 400, code: 'BAD_CURSOR', message: 'Bad', details: { at: 3 } },
    ],
    [
      'one of a status that is rarely used',
      new RequestError(418, 'Teapot'),
      { status: 418, code: 'IM_A_TEAPOT', message: 'Teapot' },
    ],
    [
      'an exposed 4xx of http-errors',
      http({ status: 404, expose: true }),
      { status: 404, code: 'NOT_FOUND', message: 'said' },
    ],
    [
      'a 4xx that is not exposed',
      http({ statusCode: 400 }),
      { status: 400, code: 'BAD_REQUEST', message: 'The request is malformed' },
    ],
    [
      'a 4xx that is not registered',
      http({ status: 499 }),
      { status: 499, code: 'BAD_REQUEST', message: 'The request was refused' },
    ],
    [
      'an exposed 5xx',
      http({ status: 503, expose: true }),
      { status: 503, code: 'SERVICE_UNAVAILABLE', message: 'The service is temporarily unavailable' },
    ],
    [
      'a status that is none',
      http({ status: 200 }),
      { status: 500, code: 'INTERNAL_ERROR', message: 'An unexpected error occurred' },
    ],
    [
      'a status as text',
      http({ status: '404' }),
      { status: 500, code: 'INTERNAL_ERROR', message: 'An unexpected error occurred' },
    ],
    [
      'a plain error',
      new Error('said'),
      { status: 500, code: 'INTERNAL_ERROR', message: 'An unexpected error occurred' },
    ],
    ['a string', 'said', { status: 500, code: 'INTERNAL_ERROR', message: 'An unexpected error occurred' }],
    ['nothing', undefined, { status: 500, code: 'INTERNAL_ERROR', message: 'An unexpected error occurred' }],
  ])('given %s, when it is thrown, then the denial is this', (_, error, denial) => {
    expect(denialOf(error)).toEqual(denial)
  })

  it.each([0, 200, 399, 600, Number.NaN])(
    'given the status %s, when a RequestError is made, then it is refused',
    status => {
      expect(() => new RequestError(status, 'no')).toThrow(RangeError)
    },
  )
})

describe('ConfigError', () => {
  it.each([
    ['secret'.repeat(20), 'a string of 120 characters'],
    ['short', '"short"'],
    [undefined, 'missing'],
    [null, 'null'],
    [() => {}, 'a function'],
    [[], 'an empty array'],
    [[1, 2], 'an array of 2'],
    [{}, 'an object'],
    [new Map(), 'a Map'],
    [Object.create(null), 'an object'],
    [10n, '10'],
  ])(
    'given the value %o, when it is shown, then it is short, on one line and no secret: %s',
    (value, shown) => {
      const error = new ConfigError({ owner: 'rateLimit', option: 'limit', value, allowed: 'something else' })
      expect(error.message).toBe(`rateLimit: option "limit" is ${shown}; allowed: something else`)
      expect(error).toMatchObject({
        name: 'ConfigError',
        code: 'CONFIG_INVALID',
        owner: 'rateLimit',
        option: 'limit',
      })
    },
  )

  it.each([
    ['secret', 'a short secret', 'a string of 14 characters'],
    ['pepper[1]', 'p', 'a string of 1 characters'],
    ['issuers[0].publicKey', '-----BEGIN PRIVATE KEY-----', 'a string of 27 characters'],
    ['hasher.pepper', 123456n, 'a bigint'],
    ['password', 123456, 'a number'],
    ['secret', undefined, 'missing'],
    ['secret', null, 'null'],
  ])(
    'given the option %s, which may hold a secret, when its value is wrong, then nothing of it is shown',
    (option, value, shown) => {
      const { message } = new ConfigError({ owner: 'o', option, value, allowed: 'something else' })
      expect(message).toBe(`o: option "${option}" is ${shown}; allowed: something else`)
    },
  )

  it('given a value of any kind, when the error is inspected or serialized, then the value is not in it, and yet can be read', () => {
    const error = new ConfigError({ owner: 'jwt', option: 'publicKey', value: 'S3CRET', allowed: 'a key' })
    expect(inspect(error) + JSON.stringify(error)).not.toContain('S3CRET')
    expect(error.value).toBe('S3CRET')
  })

  it('given no option, when the message is made, then it speaks of the options', () => {
    expect(new ConfigError({ owner: 'cors', option: '', value: 1, allowed: 'an object' }).message).toBe(
      'cors: the options are 1; allowed: an object',
    )
  })
})
