import { STATUS_CODES } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pipeline, problemDetails, RequestError } from '../../src/index.js'
import { refusalOf } from '../../src/middleware.js'
import { inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

/**
 * The IANA registry of status codes, from 400 on. Node knows them, 509 besides, and two by older
 * names.
 */
const REGISTRY: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(STATUS_CODES).filter(([status]) => status >= '400' && status !== '509'),
  ),
  413: 'Content Too Large',
  418: "I'm a teapot",
  422: 'Unprocessable Content',
}
const REGISTERED = Object.keys(REGISTRY).map(Number)

/** Codes that were published before the rule that the others follow. */
const OWN: Readonly<Record<number, string>> = {
  413: 'PAYLOAD_TOO_LARGE',
  418: 'IM_A_TEAPOT',
  422: 'VALIDATION_ERROR',
  429: 'RATE_LIMITED',
  431: 'HEADERS_TOO_LARGE',
  500: 'INTERNAL_ERROR',
}

const codeOf = (status: number) =>
  OWN[status] ?? (REGISTRY[status] as string).toUpperCase().replaceAll(/[ -]/g, '_')

/** Everything that gives a request a status without words of its own. */
const SOURCES: Readonly<Record<string, (status: number) => unknown>> = {
  'an error with `status`': status => Object.assign(new Error('row 7'), { status }),
  'an error with `statusCode`': status => Object.assign(new Error('row 7'), { statusCode: status }),
  'an error that is not to be shown': status =>
    Object.assign(new Error('row 7'), { status, statusCode: status, expose: false }),
  'a plain object': status => ({ status, message: 'row 7' }),
}

async function answerTo(onRequest: Parameters<typeof act>[0], isProblem: boolean) {
  const edge = pipeline({
    logger: memoryLogger(),
    production: true,
    ...(isProblem && { errors: problemDetails() }),
  }).use(act(onRequest))
  const answer = await inject(edge)
  return { status: answer.status, body: answer.json() as Record<string, unknown> }
}

const act = (onRequest: NonNullable<Parameters<ReturnType<typeof pipeline>['use']>[0]['onRequest']>) => ({
  name: 'act',
  onRequest,
})

const throwing = (error: unknown) => () => {
  throw error
}

describe('given the registry of status codes', () => {
  it.each(REGISTERED)('%i has one code, one phrase, and the title that is registered', status => {
    expect(refusalOf(status)).toEqual({
      status,
      code: codeOf(status),
      message: expect.stringMatching(/^[A-Z]/),
    })
  })

  it('then no two statuses share a code or a phrase', () => {
    const all = REGISTERED.map(refusalOf)
    expect(new Set(all.map(({ code }) => code)).size).toBe(REGISTERED.length)
    expect(new Set(all.map(({ message }) => message)).size).toBe(REGISTERED.length)
  })

  it.each(Object.entries(SOURCES))('%s: the answer has the words of its status', async (_, make) => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...REGISTERED), async status => {
        const { code, message } = refusalOf(status)
        const plain = await answerTo(throwing(make(status)), false)
        expect(plain).toMatchObject({ status, body: { error: { code, message } } })
        const problem = await answerTo(throwing(make(status)), true)
        expect(problem).toMatchObject({
          status,
          body: { type: 'about:blank', title: REGISTRY[status], status, detail: message, code },
        })
      }),
    )
  })

  it('when a RequestError or a denial has words of its own, then title and default code are the registered ones', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...REGISTERED), fc.boolean(), async (status, isThrown) => {
        const error = new RequestError(status, 'mine')
        expect(error.code).toBe(codeOf(status))
        const { body } = await answerTo(
          isThrown ? throwing(error) : ctx => ctx.deny({ ...refusalOf(status), message: 'mine' }),
          true,
        )
        expect(body).toMatchObject({ title: REGISTRY[status], detail: 'mine', code: codeOf(status) })
      }),
    )
  })

  it('when a status is not registered, then its words are those of its class', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 400, max: 599 }).filter(status => !REGISTERED.includes(status)),
        async status => {
          const code = status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'
          const title = status < 500 ? 'Bad Request' : 'Internal Server Error'
          expect(refusalOf(status)).toMatchObject({ status, code })
          expect(new RequestError(status, 'mine').code).toBe(code)
          const { body } = await answerTo(throwing({ status }), true)
          expect(body).toMatchObject({ status, code, title })
        },
      ),
    )
  })

  it('when the renderer fails, then the plain form has the same words', async () => {
    for (const status of REGISTERED) {
      const edge = pipeline({ logger: memoryLogger(), errors: throwing(new Error('ugly')) }).use(
        act(ctx => ctx.deny({ status, code: 'X', message: 'mine' })),
      )
      const { code, message } = refusalOf(status)
      expect((await inject(edge)).json()).toEqual({ error: { code, message } })
    }
  })
})
