import { afterEach, beforeEach, expect } from 'vitest'

/**
 * What a callback may do by mistake. Each row is wrong for every callback, unless the callback's
 * own test names the row as one that means something there.
 */
const WRONG = {
  false: () => false,
  true: () => true,
  'a promise of false': () => Promise.resolve(false),
  'a promise of true': () => Promise.resolve(true),
  'a promise of a number': () => Promise.resolve(1),
  'a promise of a text': () => Promise.resolve('yes'),
  'a rejected promise': () => Promise.reject(new Error('the database is gone')),
  'a thenable': () => Object.defineProperty({}, 'then', { value: settle }),
  'a number': () => 1,
  zero: () => 0,
  'a text': () => 'yes',
  'an empty object': () => ({}),
  undefined: () => undefined,
  null: () => null,
  NaN: () => Number.NaN,
  'a symbol': () => Symbol('s'),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a throw': () => {
    throw new Error('a fault of the team')
  },
} satisfies Record<string, () => unknown>

/** A thenable settles with a number, because a callback that may be asynchronous waits for it. */
function settle(resolve: (value: number) => void) {
  resolve(1)
}

export type WrongResult = keyof typeof WRONG

export const NOTHING = ['undefined', 'null'] as const
export const BOOLEANS = ['false', 'true'] as const
export const NUMBERS = ['a number', 'zero'] as const
export const PROMISED_BOOLEANS = ['a promise of false', 'a promise of true'] as const

/** Every row, without those that mean something to the callback. */
export function wrongResults(fine: readonly WrongResult[] = []): [WrongResult, () => unknown][] {
  return (Object.entries(WRONG) as [WrongResult, () => unknown][]).filter(([name]) => !fine.includes(name))
}

/** The rows of these names. */
export function resultsOf(names: readonly WrongResult[]): [WrongResult, () => unknown][] {
  return names.map(name => [name, WRONG[name]])
}

/**
 * Fails each test of a file that leaves a rejection unhandled. On a server it would end the
 * process.
 */
export function watchRejections(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    // Unhandled rejections are reported when the microtasks have run.
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
}
