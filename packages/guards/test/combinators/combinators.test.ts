import { type Decision, isPromise } from '@palisade/core/middleware'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AnyGuard,
  allOf,
  allowIp,
  anyOf,
  check,
  defineGuard,
  not,
  requireFreshLogin,
  requireOwnership,
  requireRole,
  requireScopes,
  when,
} from '../../src/index.js'
import { identity } from '../support/callers.js'

type Refusal = Extract<Decision, { allow: false }>

const refusal = (status: 401 | 403 | 404, more: Partial<Refusal> = {}): Refusal => ({
  allow: false,
  status,
  code: `C${status}`,
  message: `m${status}`,
  reason: `r${status}`,
  ...more,
})
const lacking = (...missing: string[]) =>
  refusal(403, {
    reason: `lacks ${missing}`,
    missing,
    challenge: { error: 'insufficient_scope', scope: missing.join(' ') },
  })
const says = (answer: unknown, name = 'says') => defineGuard(name, () => answer as boolean)
const yes = says(true, 'yes')
const no = says(false, 'no')
const unsure = says(refusal(403, { undecided: true, reason: 'unsure' }), 'unsure')
const stranger = says(refusal(401), 'stranger')
const broken = defineGuard('broken', (): boolean => {
  throw new Error('down')
})
const late = (guard: AnyGuard) => defineGuard('late', async () => check(guard as typeof yes, who as never))
const who = { state: { identity: identity() } }
const ask = (guard: AnyGuard) => check(guard as typeof yes, who as never)

describe('given anyOf when some of the guards', () => {
  test.each([
    ['allow', anyOf(no, yes), true],
    ['allow later', anyOf(no, late(yes)), true],
    ['refuse, all of them', anyOf(no, no), false],
    ['refuse later, all of them', anyOf(late(no), no, late(no)), false],
  ])('%s', async (_, guard, allow) => {
    expect((await ask(guard)).allow).toBe(allow)
  })

  test('allow at once then the rest is not asked, and no promise is made', () => {
    const decision = ask(anyOf(no, yes, broken))
    expect(isPromise(decision)).toBe(false)
    expect(decision).toEqual({ allow: true })
  })

  test.each([
    ['throws before one allows', anyOf(broken, yes)],
    ['throws after one refused', anyOf(no, broken)],
    ['rejects', anyOf(late(no), late(broken), yes)],
  ])('%s then the whole is an error', async (_, guard) => {
    await expect((async () => ask(guard))()).rejects.toThrow('down')
  })

  const reported: readonly [string, AnyGuard, Partial<Refusal>][] = [
    ['a login before what is hidden', anyOf(says(refusal(404)), stranger), { status: 401 }],
    ['a login before a scope', anyOf(says(lacking('a')), stranger), { status: 401 }],
    ['what is hidden before a scope', anyOf(says(lacking('a')), says(refusal(404))), { status: 404 }],
    ['what is hidden before a plain no', anyOf(no, says(refusal(404))), { status: 404 }],
    ['a scope before a plain no', anyOf(no, says(lacking('a'))), { status: 403, missing: ['a'] }],
    ['fewer scopes before more', anyOf(says(lacking('a', 'b')), says(lacking('c'))), { missing: ['c'] }],
    ['the first among equals', anyOf(says(lacking('a')), says(lacking('b'))), { missing: ['a'] }],
    [
      'the same when they wait',
      anyOf(late(says(lacking('a', 'b'))), late(says(lacking('c'))), late(no)),
      { missing: ['c'] },
    ],
  ]
  test.each(reported)('refuse then it reports %s', async (_, guard, expected) => {
    expect(await ask(guard)).toMatchObject(expected)
  })

  test('refuse then the client learns of one, the log of all', async () => {
    expect(await ask(anyOf(says(lacking('a')), says(refusal(404)), no))).toEqual({
      ...refusal(404),
      reason: 'lacks a; r404; no said no',
    })
  })

  test('lack what they decide by then the whole is undecided, whatever is reported', async () => {
    expect(await ask(anyOf(unsure, says(refusal(404))))).toMatchObject({ status: 404, undecided: true })
  })
})

describe('given allOf when some of the guards', () => {
  test.each([
    ['refuse', allOf(yes, no), false],
    ['refuse later', allOf(late(yes), late(no)), false],
    ['allow, all of them', allOf(yes, yes), true],
    ['allow later, all of them', allOf(yes, late(yes), late(yes)), true],
  ])('%s', async (_, guard, allow) => {
    expect((await ask(guard)).allow).toBe(allow)
  })

  test('refuse at once then that is the answer, the rest is not asked, and no promise is made', () => {
    const decision = ask(allOf(yes, says(lacking('a')), broken))
    expect(isPromise(decision)).toBe(false)
    expect(decision).toMatchObject({ missing: ['a'] })
  })

  test('throw then the whole is an error', async () => {
    await expect((async () => ask(allOf(late(yes), broken)))()).rejects.toThrow('down')
  })
})

describe('given not when the guard', () => {
  test.each([
    ['allows', not(yes), false],
    ['refuses', not(no), true],
    ['hides', not(says(refusal(404))), true],
    ['lacks a scope', not(says(lacking('a'))), true],
    ['allows later', not(late(yes)), false],
    ['refuses later', not(late(no)), true],
    ['refuses twice over', not(not(no)), false],
  ])('%s', async (_, guard, allow) => {
    expect((await ask(guard)).allow).toBe(allow)
  })

  test('allows then the refusal is a plain one that is named', () => {
    expect(ask(not(yes))).toMatchObject({ status: 403, code: 'FORBIDDEN', reason: 'not(yes) said no' })
  })

  const stays: readonly [string, AnyGuard, object, number][] = [
    ['nobody is identified', not(requireRole('banned')), { identity: undefined }, 401],
    [
      'nobody is identified, in a combination',
      not(anyOf(requireRole('banned'), requireScopes('a'))),
      { identity: undefined },
      401,
    ],
    [
      'the login is of an unknown time',
      not(requireFreshLogin('5m')),
      { identity: identity(), services: {} },
      401,
    ],
    ['there is no record', not(requireOwnership()), { identity: identity() }, 403],
    [
      'there is no record, in a combination',
      not(anyOf(requireRole('x'), requireOwnership())),
      { identity: identity() },
      403,
    ],
    [
      'there is no address',
      not(allowIp(['0.0.0.0/0'])),
      { client: { ip: undefined, key: undefined, bannable: false } },
      403,
    ],
    [
      'the listed address came through a translator',
      not(allowIp(['192.0.2.0/24'])),
      { client: { ip: '64:ff9b::c000:221', key: '192.0.2.33', bannable: true } },
      403,
    ],
    [
      "the address is only a proxy's",
      not(allowIp(['192.0.2.0/24'])),
      { client: { ip: '10.0.0.1', key: '10.0.0.1', bannable: false } },
      403,
    ],
  ]
  test.each(stays)('is refused since %s then the refusal stays', (_, guard, about, status) => {
    expect(check(guard as typeof yes, about as never)).toMatchObject({ allow: false, status })
  })

  test('fails then the error stays', async () => {
    await expect((async () => ask(not(broken)))()).rejects.toThrow('down')
    await expect((async () => ask(not(late(broken))))()).rejects.toThrow('down')
  })
})

describe('given a thenable that is late and returns nothing from then() when it is asked for', () => {
  const late = (value: unknown) =>
    (() => ({
      then: (done: (value: unknown) => void) => void setImmediate(done, value),
    })) as unknown as () => boolean

  test.each([
    ['a condition that holds', when(late(true), no), false],
    ['a condition that does not hold', when(late(false), no), true],
    ['a guard that allows', allOf(late(true)), true],
    ['a guard that refuses', anyOf(late(false), no), false],
  ])('%s then it is waited for', async (_, guard, allow) => {
    expect((await ask(guard)).allow).toBe(allow)
  })
})

describe('given when, where the condition', () => {
  test.each([
    ['holds and the guard allows', when(() => true, yes), true],
    ['holds and the guard refuses', when(() => true, no), false],
    ['does not hold', when(() => false, no), true],
    ['holds later', when(async () => true, no), false],
    ['does not hold later', when(async () => false, no), true],
  ])('%s', async (_, guard, allow) => {
    expect((await ask(guard)).allow).toBe(allow)
  })

  test.each([
    ['answers with nothing', () => undefined],
    ['answers with 0', () => 0],
    ['answers with nothing later', async () => undefined],
    [
      'throws',
      () => {
        throw new TypeError('no')
      },
    ],
  ])('%s then it is an error, and the guard is not switched off', async (_, condition) => {
    await expect((async () => ask(when(condition as unknown as () => boolean, no)))()).rejects.toThrow(
      TypeError,
    )
  })
})

describe('given any tree of guards when it is asked', () => {
  type Tree = boolean | 'unknown' | { op: 'any' | 'all' | 'not'; of: Tree[]; late: boolean }
  const { tree } = fc.letrec<{ tree: Tree }>(tie => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.boolean(),
      fc.constant('unknown' as const),
      fc.record({
        op: fc.constantFrom('any' as const, 'all' as const),
        of: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
        late: fc.boolean(),
      }),
      fc.record({ op: fc.constant('not' as const), of: fc.tuple(tie('tree')), late: fc.boolean() }),
    ),
  }))

  const build = (node: Tree): AnyGuard => {
    if (typeof node === 'boolean') return node ? yes : no
    if (node === 'unknown') return unsure
    const parts = node.of.map(build)
    const built =
      node.op === 'any' ? anyOf(...parts) : node.op === 'all' ? allOf(...parts) : not(parts[0] as AnyGuard)
    return node.late ? late(built) : built
  }
  /**
   * Kleene's logic of three values, where undefined is the unknown; nothing that is unknown may
   * allow.
   */
  const reason = (node: Tree): boolean | undefined => {
    if (typeof node === 'boolean') return node
    if (node === 'unknown') return undefined
    const values = node.of.map(reason)
    if (node.op === 'not') return values[0] === undefined ? undefined : !values[0]
    if (node.op === 'any')
      return values.includes(true) ? true : values.includes(undefined) ? undefined : false
    return values.includes(false) ? false : values.includes(undefined) ? undefined : true
  }

  test('then it allows only what logic of three values calls true', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async node => {
        const { allow } = await ask(build(node))
        if (allow) expect(reason(node)).toBe(true)
        // It may refuse what is true only where it did not look for the decided no behind an
        // undecided one.
        else if (!JSON.stringify(node).includes('unknown')) expect(reason(node)).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })
})
