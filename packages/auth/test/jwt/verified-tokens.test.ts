import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { authenticate, type JwtOptions, jwt } from '../../src/index.js'
import { isFresh, type VerifiedToken, VerifiedTokens } from '../../src/jwt/verified-tokens.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, NOW, SECRET, sign } from '../support/tokens.js'

const options: JwtOptions = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }

/** A strategy that says how often it had to verify. */
function counted(more: Partial<JwtOptions> = {}) {
  const strategy = jwt({ ...options, ...more } as JwtOptions)
  const count = { verified: 0 }
  const here = edge({
    strategies: [
      {
        ...strategy,
        verify: (credential, attempt) => {
          count.verified++
          return strategy.verify(credential as never, attempt)
        },
      },
    ],
  })
  return { ...here, count }
}

describe('tokens that were verified', () => {
  const entry = (name: string, more: Partial<VerifiedToken> = {}): VerifiedToken => ({
    field: `Bearer ${name.padStart(40, '.')}`,
    token: name,
    result: {} as never,
    facts: {} as never,
    keys: { epoch: 0, keysFor: () => [] },
    epoch: 0,
    expiresAt: 1000,
    until: 1000,
    ...more,
  })
  const names = (tokens: VerifiedTokens, ...asked: string[]) =>
    asked.filter(name => tokens.find(entry(name).field) !== undefined)

  test('are found by their whole field', () => {
    const tokens = new VerifiedTokens(10)
    const one = entry('one')
    tokens.add(one)
    expect(tokens.find(one.field)).toBe(one)
    expect(tokens.find(`b${one.field.slice(1)}`)).toBeUndefined()
    expect(tokens.find(`${one.field} `)).toBeUndefined()
    expect(tokens.find('')).toBeUndefined()
  })

  test('when there are too many, then one that nobody asked for makes room', () => {
    const tokens = new VerifiedTokens(3)
    for (const name of ['a', 'b', 'c']) tokens.add(entry(name))
    names(tokens, 'a', 'c')
    tokens.add(entry('d'))
    expect(names(tokens, 'a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd'])
  })

  test('when all were asked for, then the one that was there first makes room', () => {
    const tokens = new VerifiedTokens(3)
    for (const name of ['a', 'b', 'c']) tokens.add(entry(name))
    names(tokens, 'c', 'b', 'a')
    tokens.add(entry('d'))
    expect(names(tokens, 'a', 'b', 'c', 'd')).toEqual(['b', 'c', 'd'])
  })

  test('never are more than they may be, whatever is added and asked', () => {
    const tokens = new VerifiedTokens(100)
    for (let i = 0; i < 1000; i++) {
      tokens.add(entry(`t${i}`))
      for (let j = 0; j < 200; j++) tokens.find(entry(`t${j}`).field)
    }
    expect(names(tokens, ...Array.from({ length: 1000 }, (_, i) => `t${i}`)).length).toBe(100)
  })

  test('when one is added again, then it takes no second place', () => {
    const tokens = new VerifiedTokens(2)
    for (const name of ['a', 'b', 'a', 'a']) tokens.add(entry(name))
    expect(names(tokens, 'a', 'b')).toEqual(['a', 'b'])
    tokens.add(entry('a', { until: 2000 }))
    expect(tokens.find(entry('a').field)?.until).toBe(2000)
  })

  test('with spaces for kilobytes in front of them are not kept', () => {
    const tokens = new VerifiedTokens(2)
    const long = entry('a', { field: `Bearer${' '.repeat(8300)}a.b.c` })
    tokens.add(long)
    expect(tokens.find(long.field)).toBeUndefined()
  })

  test('are good until they expire, were kept for long enough or a key is gone', () => {
    const keys = { epoch: 3, keysFor: () => [] }
    const one = entry('a', { keys, epoch: 3, expiresAt: 5000, until: 1000 })
    const isGoodAt = (now: number, monotonic: number) => isFresh(one, { now, monotonic })
    expect([isGoodAt(4999, 999), isGoodAt(5000, 999), isGoodAt(4999, 1000)]).toEqual([true, false, false])
    keys.epoch = 4
    expect(isGoodAt(4999, 999)).toBe(false)
  })
})

describe('a cache that somebody wants to poison', () => {
  test('given tokens of one signature with other claims, then each is verified and the right one stays', async () => {
    const { send, count } = counted()
    const token = await sign()
    expect((await send(bearer(token))).status).toBe(200)
    const [header, , signature] = token.split('.')
    for (const sub of ['eve', 'root']) {
      const payload = Buffer.from(JSON.stringify(claims({ sub }))).toString('base64url')
      expect((await send(bearer(`${header}.${payload}.${signature}`))).status).toBe(401)
    }
    const { status, state } = await send(bearer(token))
    expect([status, state.identity?.subject, count.verified]).toEqual([200, 'ada', 3])
  })

  test('given a token of one strategy, then another one with other keys has never seen it', async () => {
    const first = jwt({ ...options, name: 'first' } as JwtOptions)
    const second = jwt({ ...options, name: 'second', secret: `${SECRET}!` } as JwtOptions)
    const { send } = edge({
      strategies: [first, second],
      rules: [
        { path: '/first', use: ['first'] },
        { path: '/second', use: ['second'] },
      ],
    })
    const token = bearer(await sign())
    expect((await send({ url: '/first', ...token })).status).toBe(200)
    expect((await send({ url: '/second', ...token })).status).toBe(401)
    expect((await send({ url: '/first', ...token })).status).toBe(200)
  })

  test('given a token in another spelling of its field, then it is verified by itself', async () => {
    const { send, count } = counted()
    const token = await sign()
    for (const field of [`Bearer ${token}`, `bearer ${token}`, `Bearer  ${token}`])
      expect((await send({ headers: { authorization: field } })).status).toBe(200)
    expect(count.verified).toBe(3)
  })

  test('given wrong tokens without end, then none is kept and the right one still is', async () => {
    const { send, count } = counted({ cache: { maxKeys: 1 } })
    const token = await sign()
    await send(bearer(token))
    for (let i = 0; i < 20; i++) {
      const signed = `${token.split('.').slice(0, 2).join('.')}`
      const forged = createHmac('sha256', `guess ${i}`).update(signed).digest('base64url')
      expect((await send(bearer(`${signed}.${forged}`))).status).toBe(401)
    }
    expect((await send(bearer(token))).status).toBe(200)
    expect(count.verified).toBe(21)
  })

  test('given a token whose rights were taken back, then what is cached is asked about', async () => {
    const revoked = new Set<string | undefined>()
    const { send, count } = counted({ isRevoked: ({ jti }) => revoked.has(jti) })
    const token = bearer(await sign(claims({ jti: 'j1' })))
    expect((await send(token)).status).toBe(200)
    revoked.add('j1')
    expect((await send(token)).status).toBe(401)
    expect(count.verified).toBe(1)
  })

  test('given one request that changes what it was given, then the next one has the same rights', async () => {
    const { send } = counted()
    const token = bearer(await sign(claims({ roles: ['clerk'], deep: { list: [1] } })))
    const { state } = await send(token)
    const identity = state.identity as unknown as { claims: { deep: { list: number[] } }; roles: Set<string> }
    expect(() => identity.roles.add('admin')).toThrow(TypeError)
    expect(() => identity.roles.delete('clerk')).toThrow(TypeError)
    expect(() => identity.claims.deep.list.push(2)).toThrow(TypeError)
    expect([...((await send(token)).state.identity?.roles ?? [])]).toEqual(['clerk'])
  })
})

test('given a token that is known, then the time of day is read once, nothing else, and no promise is made', async () => {
  let reads = 0
  const monotonic = () => {
    throw new Error('the context has it already')
  }
  const clock = { now: () => ++reads && NOW * 1000, monotonic }
  const middleware = authenticate({ strategies: [jwt(options)] })
  const field = `Bearer ${await sign()}`
  const ctx = () => ({
    state: { identity: undefined as unknown },
    services: { clock, events: { has: () => false } },
    startedAt: 0,
    header: () => field,
    allowed: () => {},
  })
  await middleware.onRequest?.(ctx() as never)
  reads = 0
  const second = ctx()
  expect(middleware.onRequest?.(second as never)).toBeUndefined()
  expect([reads, (second.state.identity as { subject: string }).subject]).toEqual([1, 'ada'])
})

test('given a token of which a byte more than it may have is spaces, then it is right and verified each time', async () => {
  const { send, count } = counted()
  const field = `Bearer ${' '.repeat(8300)}${forge({ alg: 'HS256' }, claims())}`
  for (let i = 0; i < 2; i++) expect((await send({ headers: { authorization: field } })).status).toBe(200)
  expect(count.verified).toBe(2)
})
