import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Changes, unnamedIn, WorkspaceCopy } from './support/exercise.js'

const ALGORITHM = `import { type Algorithm, exactProducts } from './algorithm.js'
import type { Counting } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/** The cells of a key: the end of its window, and what was counted in it. */
const END = 0
const COUNT = 1
const WIDTH = 2

/** A window that each attempt begins anew. */
const memory: Counting = {
  width: WIDTH,
  step({ cells }, slot, now, attempt) {
    const at = slot * WIDTH
    const count = now < (cells[at + END] as number) ? (cells[at + COUNT] as number) : 0
    const fits = count + attempt.cost <= attempt.limit
    const after = fits ? count + attempt.cost : count
    if (fits && attempt.cost > 0) cells[at + END] = now + attempt.window
    cells[at + COUNT] = after
    const end = after === 0 ? now : (cells[at + END] as number)
    attempt.mark = end
    attempt.remaining = Math.max(0, attempt.limit - after)
    attempt.resetMs = end - now
    attempt.nextMs = after === 0 ? attempt.window : end - now
    attempt.retryMs = fits ? 0 : attempt.nextMs
    return fits
  },
  refund({ cells }, slot, now, { mark }, amount) {
    const at = slot * WIDTH + COUNT
    if (now < mark) cells[at] = Math.max(0, (cells[at] as number) - amount)
  },
  charge({ cells }, slot, now, { window }, amount, most) {
    const at = slot * WIDTH
    const count = now < (cells[at + END] as number) ? (cells[at + COUNT] as number) : 0
    cells[at + END] = now + window
    cells[at + COUNT] = Math.min(most, count + amount)
  },
}

const redis: RedisCounting = {
  kind: 'idle',
  width: 2,
  hasCapacity: false,
  needsNow: false,
  counting: memory,
  look: ({ key, limit, cost, fits, state: [count = '', left = ''] }) => \`
local \${left}, \${count} = call('PTTL', \${key}), 0
if \${left} > 0 then \${count} = tonumber(call('GET', \${key})) else \${left} = 0 end
local \${fits} = \${count} + \${cost} <= \${limit}\`,
  take: ({ key, window, cost, state: [count = ''] }) => \`
if \${cost} > 0 then
  call('SET', \${key}, string.format('%.0f', \${count} + \${cost}), 'PX', '\${window}')
end\`,
  refund: \`
local left = call('PTTL', KEYS[1])
if left < 1 or mark <= 0 then return 0 end
local count = math.max(0, tonumber(call('GET', KEYS[1])) - amount)
if count == 0 then call('DEL', KEYS[1]) else call('SET', KEYS[1], string.format('%.0f', count), 'PX', left) end
return 0\`,
  charge: \`
local count = call('PTTL', KEYS[1]) > 0 and tonumber(call('GET', KEYS[1])) or 0
call('SET', KEYS[1], string.format('%.0f', math.min(most, count + amount)), 'PX', window)
return 0\`,
  markOf: ({ mark }, now) => mark - now,
  restore(cells, [count = 0, left = 0], now) {
    cells[END] = now + left
    cells[COUNT] = count
    return now
  },
}

export const idleWindow: Algorithm = { memory, redis: () => redis, isBucket: false, maxLimit: exactProducts }
`

const VECTOR = `  {
    title: 'idle-window 2 a second',
    policies: [{ algorithm: 'idle-window', limit: 2, window: 1000 }],
    steps: [
      { at: 0, allowed: true, remaining: 1, reset: 1000 },
      { at: 900, allowed: true, remaining: 0, reset: 1000 },
      { at: 1899, allowed: false, retry: 1 },
      { at: 1900, allowed: true, remaining: 1 },
    ],
  },`

const behind = (line: string, added: string) => (text: string) => text.replace(line, `${line}\n${added}`)

/** Everything that an author of the algorithm writes. */
const CHANGES: Changes = {
  'packages/ratelimit/src/algorithms/idle-window.ts': () => ALGORITHM,
  'packages/ratelimit/src/algorithms/index.ts': text =>
    behind(
      'export const ALGORITHMS = Object.freeze({',
      "  'idle-window': idleWindow,",
    )(`import { idleWindow } from './idle-window.js'\n${text}`),
  'packages/ratelimit/test/vectors.ts': behind('export const vectors: readonly Vector[] = [', VECTOR),
  'packages/ratelimit/test/properties.test.ts': behind(
    "    case 'sliding-log':",
    "      return within(at - window + 1, at) - limit\n    case 'idle-window':",
  ),
  'packages/ratelimit/README.md': behind(
    '| `sliding-log` | `limit` in any window, exact to the millisecond; limits up to 10,000 | 8 bytes a request |',
    '| `idle-window` | `limit` until the key is idle | 2 numbers |',
  ),
}

let copy: WorkspaceCopy

beforeAll(async () => {
  copy = await WorkspaceCopy.make()
  await copy.change(CHANGES)
}, 60_000)

afterAll(() => copy.remove(), 60_000)

it('given a new algorithm then the architecture names each file that changes', async () => {
  expect(await unnamedIn('An algorithm of rate limits', Object.keys(CHANGES))).toEqual([])
})

it('given a new algorithm then its vectors, its definition and the suite of stores pass', async () => {
  const tests = [
    'vectors.test.ts',
    'settle.test.ts',
    'properties.test.ts',
    'stores/suite.test.ts',
    'stores/redis.test.ts',
  ]
  const files = tests.map(file => `packages/ratelimit/test/${file}`)
  const { output, passes } = await copy.test('idle-window', ...files)
  expect(passes, output).toBe(true)
}, 240_000)
