import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, SECRET } from '../support/tokens.js'

const keys = { audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
const base = { issuer: ISSUER, ...keys }
/** Resolves when a function of the team's is asked: what comes before takes real time. */
let isAsked = () => {}
let reached: Promise<void>
const hangs = () => {
  isAsked()
  return new Promise<never>(() => {})
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  reached = new Promise(resolve => {
    isAsked = resolve
  })
})
afterEach(() => void vi.useRealTimers())

test.each<[name: string, options: JwtOptions]>([
  ['validate', { ...base, validate: hangs }],
  ['identity', { ...base, identity: hangs }],
  ['issuers', { issuers: hangs }],
])(
  'given a function "%s" that hangs, when 5 seconds have passed, then it is a 503 that is logged',
  async (name, options) => {
    const here = edge({ strategies: [jwt(options)] })
    let status: number | undefined
    const sent = here.send(bearer(forge({ alg: 'HS256' }, claims()))).then(response => {
      status = response.status
    })
    await reached
    await vi.advanceTimersByTimeAsync(4999)
    expect(status).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    await sent
    expect([status, here.violations, String(here.logs[0]?.fields['err'])]).toEqual([
      503,
      [],
      `Error: the function "${name}" did not answer in time`,
    ])
  },
)

test('given a function that rejects after it was given up, then nothing comes of it', async () => {
  let reject: (error: Error) => void = () => {}
  const validate = () =>
    new Promise<boolean>((_, fail) => {
      reject = fail
      isAsked()
    })
  const here = edge({ strategies: [jwt({ ...base, validate })] })
  const sent = here.send(bearer(forge({ alg: 'HS256' }, claims())))
  await reached
  await vi.advanceTimersByTimeAsync(5000)
  expect((await sent).status).toBe(503)
  reject(new Error('late'))
  await vi.advanceTimersByTimeAsync(1)
})
