import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { emptyTally, summarize } from '../lib/tally.mjs'

const skip = { test: 'a.test.ts > needs a moon', why: 'no moon' }

/** @type {string[]} */
let printed = []
beforeEach(() => {
  printed = []
  vi.spyOn(console, 'log').mockImplementation(line => printed.push(...String(line).split('\n')))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

describe('on the machine of a developer', () => {
  beforeEach(() => vi.stubEnv('CI', ''))

  it('given two parts that passed, when they are summed up, then the last line counts both and nothing failed', () => {
    const part = { ...emptyTally(), passed: 3 }
    const code = summarize(
      [
        ['one', part],
        ['two', part],
      ],
      [],
    )
    expect(code).toBe(0)
    expect(printed.at(-1)).toBe('6 passed, 0 failed')
  })

  it('given a skip and a missing tool, when they are summed up, then both are told and neither is a failure', () => {
    const code = summarize([['one', { ...emptyTally(), passed: 3, skips: [skip] }]], ['no moon on the PATH'])
    expect(code).toBe(0)
    expect(printed).toContain('  1 test: no moon')
    expect(printed).toContain('  no moon on the PATH')
    expect(printed.at(-1)).toBe('3 passed, 0 failed, 1 skipped')
  })

  it('given a failure, when it is summed up, then it is named and the exit code tells', () => {
    const code = summarize([['one', { ...emptyTally(), passed: 3, failures: ['a.test.ts > x'] }]], [])
    expect(code).toBe(1)
    expect(printed).toContain('  a.test.ts > x')
    expect(printed.at(-1)).toBe('3 passed, 1 failed')
  })

  it('given a test that passed at its second try, when it is summed up, then it is named and is no failure', () => {
    const code = summarize(
      [['one', { ...emptyTally(), passed: 3, retried: ['a.test.ts > x: 1 is not 2'] }]],
      [],
    )
    expect(code).toBe(0)
    expect(printed).toContain('  a.test.ts > x: 1 is not 2')
    expect(printed.at(-1)).toBe('3 passed, 0 failed')
  })

  it('given no test at all, when it is summed up, then that is no success', () => {
    expect(summarize([['one', { ...emptyTally(), passed: 0 }]], [])).toBe(1)
  })
})

describe('in CI', () => {
  beforeEach(() => vi.stubEnv('CI', 'true'))

  it('given a skip and a missing tool, when they are summed up, then both are failures', () => {
    const code = summarize([['one', { ...emptyTally(), passed: 3, skips: [skip] }]], ['no moon on the PATH'])
    expect(code).toBe(1)
    expect(printed.at(-1)).toBe('3 passed, 2 failed')
  })
})
