import { pipeline } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import type { BanRecord } from '../../src/bans/ban.js'
import { checkedRecord } from '../../src/bans/checked-record.js'
import { type BanStore, failban } from '../../src/index.js'
import { parseStep } from '../../src/stores/file-format.js'
import { HOUR, MINUTE, NOW, yard } from '../support/yard.js'

const RECORD: BanRecord = {
  ip: '203.0.113.9',
  jail: 'default',
  reason: 'x',
  violations: 5,
  banCount: 1,
  bannedAt: NOW - MINUTE,
  expiresAt: NOW + HOUR,
  permanent: false,
  source: 'auth',
  shadow: false,
  earlier: [],
}

const WRONG: readonly (readonly [what: string, changes: Readonly<Record<string, unknown>>])[] = [
  ['no address', { ip: 'localhost' }],
  ['an address in another notation', { ip: '203.0.113.009' }],
  ['a network with host bits', { ip: '203.0.113.9/24' }],
  ['an address that is a number', { ip: 5 }],
  ['a jail that is no word', { jail: 'a b' }],
  ['a jail of a megabyte', { jail: 'a'.repeat(1_000_000) }],
  ['an empty jail', { jail: '' }],
  ['a reason of two lines', { reason: 'x\nERROR forged' }],
  ['an empty reason', { reason: '' }],
  ['a reason of a megabyte', { reason: 'x'.repeat(1_000_000) }],
  ['a source that is no word', { source: '<script>' }],
  ['no source', { source: undefined }],
  ['a shadow that is text', { shadow: 'false' }],
  ['violations below zero', { violations: -1 }],
  ['violations that no jail counts', { violations: 1e9 }],
  ['violations with a fraction', { violations: 1.5 }],
  ['the zeroth ban', { banCount: 0 }],
  ['more bans than are remembered', { banCount: 1e9 }],
  ['a begin as text', { bannedAt: '2024-01-01' }],
  ['a begin that is no date', { bannedAt: 9e15 }],
  ['an end in front of the begin', { expiresAt: NOW - HOUR }],
  ['an end that is no date', { expiresAt: 9e15 }],
  ['no end', { expiresAt: undefined }],
  ['an end and permanent', { permanent: true }],
  ['neither an end nor permanent', { expiresAt: null }],
  ['permanent as a number', { expiresAt: null, permanent: 1 }],
  ['a history that is an object', { earlier: { length: 0 } }],
  ['a history with text', { earlier: ['x'] }],
  ['too long a history', { earlier: Array(21).fill(1) }],
]

/** A store that gives these records. */
const storeOf = (records: readonly unknown[]): BanStore => ({
  open: () => records as BanRecord[],
  save() {},
  remove() {},
})

describe.each(WRONG)('given a record with %s', (_, changes) => {
  const wrong = { ...RECORD, ip: '198.51.100.7', ...changes }

  it('when it is in a file then its line is none', () => {
    expect(parseStep(JSON.stringify({ ban: RECORD }))).toEqual({ ban: RECORD })
    expect(parseStep(JSON.stringify({ ban: wrong }))).toBeUndefined()
  })

  it('when a store gives it, then it is skipped with a warning, and others are not', async () => {
    const store = storeOf([wrong, RECORD])
    const { bans, logs } = yard({ store })
    await bans.ready()
    expect(bans.list().map(({ ip }) => ip)).toEqual([RECORD.ip])
    expect(logs).toEqual([expect.stringContaining('skipped')])
  })
})

it.each([null, undefined, 5, 'x', [], () => {}])('given %j instead of a record, then it is none', value => {
  expect(checkedRecord(value)).toBeUndefined()
})

it('given more fields than a record has, then they are dropped', async () => {
  const store = storeOf([{ ...RECORD, note: 'x'.repeat(1000), toJSON: 'x' }])
  const { bans } = yard({ store })
  await bans.ready()
  const { earlier: _, ...shown } = RECORD
  expect(bans.find(RECORD.ip)).toEqual(shown)
})

it.each(['x', '', '203.0.113.9/24', 5, null])(
  'given %j in a step that lifts, then the step is none',
  unban => {
    expect(parseStep(JSON.stringify({ unban }))).toBeUndefined()
  },
)

it('given a history in the future, as of a clock that was ahead, then it counts as of now and lasts as long', async () => {
  const ahead = {
    bannedAt: NOW + 9 * HOUR,
    expiresAt: NOW + 10 * HOUR,
    earlier: [NOW + 8 * HOUR, NOW - HOUR],
  }
  const store = storeOf([{ ...RECORD, ...ahead }])
  const { bans } = yard({ store, banDuration: '1h', escalate: { max: '2h' } })
  await bans.ready()
  expect(bans.find(RECORD.ip)).toMatchObject({ bannedAt: NOW, expiresAt: NOW + HOUR })
})

it('given a store that gives records before a pipeline is there, then they are checked as well', async () => {
  const store = storeOf([RECORD])
  const bans = failban({ store })
  await bans.ready()
  expect(bans.find(RECORD.ip)).toBeUndefined()
  await pipeline().use(bans).dispose()
})
