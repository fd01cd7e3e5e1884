import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { authenticate, jwt } from '@palisade/auth'
import { type Middleware, pipeline } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { factories } from './factories.js'

/** What workerd forbids while modules load: random values, timers, signals and requests. */
const FORBIDDEN: readonly (readonly [owner: object, names: readonly string[]])[] = [
  [globalThis, ['setTimeout', 'setInterval', 'setImmediate', 'fetch', 'AbortController']],
  [globalThis.crypto, ['getRandomValues', 'randomUUID']],
  [crypto, ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync']],
  [os, ['networkInterfaces']],
]

function whileModulesLoad<T>(work: () => T): T {
  const restore = FORBIDDEN.flatMap(([owner, names]) => names.map(name => forbid(owner, name)))
  syncBuiltinESMExports()
  try {
    return work()
  } finally {
    for (const one of restore) one()
    syncBuiltinESMExports()
  }
}

function forbid(owner: object, name: string): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  function forbidden() {
    throw new Error(`${name} while modules load`)
  }
  Object.defineProperty(owner, name, { value: forbidden, configurable: true, writable: true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, own)
  }
}

const isMiddleware = (value: unknown): value is Middleware =>
  typeof (value as Middleware | null)?.name === 'string' &&
  typeof (value as Middleware).onRequest === 'function' &&
  ((value as Middleware).needs ?? []).length === 0

function mounted(middleware: unknown) {
  if (!isMiddleware(middleware)) return undefined
  const edge = pipeline().use(middleware)
  edge.compile()
  return edge
}

/** Of what only Node, Bun and Deno have, which forbid nothing. */
const ELSEWHERE = ['gracefulShutdown']

/** What the table builds with keys of its own, and an application with those of an issuer. */
const remote = () =>
  authenticate({
    strategies: [jwt({ issuer: 'shop', audience: 'shop', jwksUri: 'https://shop.example/jwks' })],
  })

const built = factories
  .filter(([name]) => !ELSEWHERE.includes(name))
  .map(([name, build, valid, , , at]) => [`${name}${at === '' ? '' : ` with ${at}`}`, build, valid] as const)

describe('given a runtime that allows no random value, timer, signal or I/O while modules load', () => {
  it.each(built)('when %s is built and mounted, then it does without', async (_, build, valid) => {
    const edge = whileModulesLoad(() => mounted(build(valid as never)))
    await edge?.dispose()
  })

  it('when keys are to be fetched, then nothing is asked before a token comes', async () => {
    const edge = whileModulesLoad(() => mounted(remote()))
    await edge?.dispose()
  })

  it.each(FORBIDDEN.flatMap(([owner, names]) => names.map(name => [name, owner] as const)))(
    'when something used %s, then this suite would see it',
    (name, owner) => {
      const use = (owner as Record<string, () => unknown>)[name]
      expect(typeof use).toBe('function')
      expect(() => whileModulesLoad(() => (owner as Record<string, () => unknown>)[name]?.())).toThrow(
        `${name} while modules load`,
      )
      expect((owner as Record<string, unknown>)[name]).toBe(use)
    },
  )
})
