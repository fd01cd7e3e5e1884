import { describe, expect, it } from 'vitest'
import { optionsOf } from '../src/options.js'

describe('the command line', () => {
  it('measures everything when nothing is said', () => {
    expect(optionsOf([], {})).toMatchObject({
      hosts: ['express', 'fastify', 'hono', 'koa'],
      variants: ['bare', 'floor', 'palisade', 'peers'],
      stacks: ['edge', 'full'],
      sections: ['requests', 'load', 'decisions'],
      quick: false,
      output: 'results/latest.json',
    })
  })

  it('keeps the order of the report whatever the order of the filter', () => {
    expect(
      optionsOf(['--', '--stack=full', '--hosts', 'koa,express', '--variants=palisade,bare'], {}),
    ).toMatchObject({
      stacks: ['full'],
      hosts: ['express', 'koa'],
      variants: ['bare', 'palisade'],
    })
  })

  it('takes rounds and requests from the environment, and a flag before it', () => {
    const env = { BENCH_ROUNDS: '7', BENCH_REQUESTS: '500' }
    expect(optionsOf(['--rounds=9'], env)?.plan).toMatchObject({ rounds: 9, requests: 500 })
  })

  it('refuses too few rounds for a median, and what it does not know, and says what is allowed', () => {
    expect(() => optionsOf(['--rounds=4'], {})).toThrow(
      '--rounds: "4"; allowed: a whole number from 5 to 100',
    )
    expect(() => optionsOf(['--hosts=hapi'], {})).toThrow('allowed: express, fastify, hono, koa')
    expect(() => optionsOf(['--fast'], {})).toThrow(/--fast/)
  })

  it('asks for the usage with --help', () => {
    expect(optionsOf(['--help'], {})).toBeUndefined()
  })
})
