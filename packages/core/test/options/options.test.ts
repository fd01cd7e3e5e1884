import vm from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/index.js'
import {
  callback,
  checkOptions,
  duration,
  either,
  flag,
  having,
  headerName,
  integer,
  list,
  type Milliseconds,
  mode,
  object,
  oneOf,
  optional,
  orFalse,
  ownHeaderName,
  parseDuration,
  text,
} from '../../src/middleware.js'

const shape = {
  limit: integer({ min: 0, max: 100 }),
  window: optional(duration({ max: '1d' }), 1000 as Milliseconds),
  policies: optional(list(object({ name: text({ max: 5 }), window: optional(duration()) }), { max: 2 })),
  mode,
  hsts: optional(orFalse(object({ maxAge: optional(integer()) }))),
}
const check = (given: unknown) => checkOptions('rateLimit', given, shape)

describe('checkOptions', () => {
  it('given what is right, when checked, then defaults are filled in and forms are unified', () => {
    expect(check({ limit: 5, window: '1m' })).toEqual({
      limit: 5,
      window: 60_000,
      policies: undefined,
      mode: 'enforce',
      hsts: undefined,
    })
    expect(check({ limit: 5, hsts: false, mode: 'shadow' })).toMatchObject({
      window: 1000,
      hsts: false,
      mode: 'shadow',
    })
  })

  it.each([
    [
      { limt: 5 },
      'rateLimit: option "limt" is unknown; allowed: one of limit, window, policies, mode, hsts (did you mean "limit"?)',
    ],
    [{ limit: 5, Window: 1 }, 'did you mean "window"?'],
    [{ limit: 5, policeis: [] }, 'did you mean "policies"?'],
    [
      { limit: 5, colour: 'red' },
      'rateLimit: option "colour" is unknown; allowed: one of limit, window, policies, mode, hsts (there is no such option)',
    ],
    [{ limit: 5, constructor: 1 }, 'there is no such option'],
    [JSON.parse('{ "limit": 5, "__proto__": 1 }'), 'there is no such option'],
    [{}, 'rateLimit: option "limit" is missing; allowed: a whole number from 0 to 100'],
    [undefined, 'option "limit" is missing'],
    [null, 'rateLimit: the options are null'],
    [7, 'rateLimit: the options are 7; allowed: an object with limit, window, policies, mode, hsts'],
    [[], 'rateLimit: the options are an empty array'],
    [{ limit: '5' }, 'option "limit" is "5"'],
    [{ limit: 101 }, 'option "limit" is 101'],
    [{ limit: 1.5 }, 'option "limit" is 1.5'],
    [{ limit: 5, window: '1 minute' }, 'option "window" is "1 minute"; allowed: a duration such as'],
    [{ limit: 5, window: '2d' }, 'from 1ms to 1d'],
    [{ limit: 5, window: null }, 'option "window" is null'],
    [
      { limit: 5, policies: [{ name: 'a' }, { name: 'too long' }] },
      'option "policies[1].name" is "too long"',
    ],
    [
      { limit: 5, policies: [{ name: 'a', windw: 1 }] },
      'option "policies[0].windw" is unknown; allowed: one of name, window (did you mean "window"?)',
    ],
    [
      { limit: 5, policies: [{}, {}, {}] },
      'option "policies" is an array of 3; allowed: an array of 0 to 2 entries',
    ],
    [{ limit: 5, policies: 'a' }, 'option "policies" is "a"'],
    [
      { limit: 5, mode: 'shaddow' },
      'option "mode" is "shaddow"; allowed: one of "enforce", "shadow" (did you mean "shadow"?)',
    ],
    [{ limit: 5, mode: 'off' }, 'allowed: one of "enforce", "shadow"'],
    [
      { limit: 5, hsts: { maxage: 1 } },
      'option "hsts.maxage" is unknown; allowed: one of maxAge (did you mean "maxAge"?)',
    ],
    [{ limit: 5, hsts: true }, 'option "hsts" is true'],
  ])('given %o, when checked, then the message says: %s', (given, says) => {
    expect(() => check(given)).toThrow(says)
  })
})

it('given a secret under a misspelt name, when checked, then it is not shown', () => {
  expect(() => check({ limit: 5, secretKey: 'S3CRET' })).toThrow(
    'option "secretKey" is unknown; allowed: one of',
  )
})

describe('what is no plain object of options', () => {
  const nothingNeeded = (given: unknown) => checkOptions('pipeline', given, { header: optional(text()) })
  class Inherited {
    get header() {
      return 'x'
    }
  }
  class Own {
    header = 'x'
  }

  it.each<[string, unknown]>([
    ['null', null],
    ['a Map', new Map([['header', 'x']])],
    ['a Date', new Date(0)],
    ['a RegExp', /x/],
    ['a promise', Promise.resolve({ header: 'x' })],
    ['an object that inherits its options', Object.create({ header: 'x' })],
    ['an instance whose options are getters of its class', new Inherited()],
  ])('given %s, when checked, then it is refused instead of read as no options', (_, given) => {
    expect(() => nothingNeeded(given)).toThrow(
      /^pipeline: the options are .*; allowed: an object with header/,
    )
  })

  it.each<[string, object]>([
    ['a class with fields', new Own()],
    ['no prototype', Object.assign(Object.create(null), { header: 'x' })],
    ['another realm', vm.runInNewContext('({ header: "x" })') as object],
    ['a frozen object', Object.freeze({ header: 'x' })],
  ])('given options of %s, when checked, then they are read', (_, given) => {
    expect(nothingNeeded(given)).toEqual({ header: 'x' })
  })

  it('given a prototype that somebody polluted, when options are checked, then nothing of it is read', () => {
    Object.defineProperty(Object.prototype, 'header', { value: 'x', configurable: true, enumerable: true })
    let checked: unknown
    try {
      checked = nothingNeeded({})
    } finally {
      delete (Object.prototype as { header?: string }).header
    }
    expect(checked).toEqual({ header: undefined })
  })

  const fail = () => {
    throw new Error('no')
  }
  it.each<[string, unknown]>([
    ['a getter that throws', Object.defineProperty({}, 'header', { get: fail, enumerable: true })],
    ['an unknown getter that throws', Object.defineProperty({}, 'haeder', { get: fail, enumerable: true })],
    ['a proxy that lists nothing', new Proxy({}, { ownKeys: fail })],
    ['a proxy without a prototype', new Proxy({}, { getPrototypeOf: fail })],
    ['a proxy whose target is gone', revoked()],
  ])('given %s, when checked, then it is a ConfigError like any other', (_, given) => {
    expect(() => nothingNeeded(given)).toThrow(ConfigError)
  })

  it('given a getter, when checked, then it is asked once, so that what was checked is what is used', () => {
    let asked = 0
    const given = {
      get header() {
        return asked++ === 0 ? 'x' : 7
      },
    }
    expect(nothingNeeded(given)).toEqual({ header: 'x' })
    expect(asked).toBe(1)
  })

  it('given a name as long as a book, when it is refused, then the message is not', () => {
    const long = `${'x'.repeat(1_000_000)}\n`
    const message = messageOf(() => nothingNeeded({ [long]: long }))
    expect(message.length).toBeLessThan(400)
    expect(message).not.toContain('\n')
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('single checks', () => {
  const at = { owner: 'o', option: 'p' }

  it('given a list, when checked, then the result is frozen and not the one that was given', () => {
    const given = [1, 2]
    const checked = list(integer())(given, at)
    expect(checked).toEqual(given)
    expect(checked).not.toBe(given)
    expect(Object.isFrozen(checked)).toBe(true)
  })

  it.each<[string, unknown[]]>([
    ['with holes', new Array(2)],
    ['with a hole at its end', Object.assign([1], { length: 2 })],
    ['whose own map gives something else', Object.assign(['x'], { map: () => [1] })],
    ['that is read in another way by loops', Object.assign(['x'], { [Symbol.iterator]: () => [1].values() })],
  ])('given a list %s, when checked, then every place of it is', (_, given) => {
    expect(() => list(integer())(given, at)).toThrow(/option "p\[\d\]"/)
  })

  it('given an object that cannot be asked for its methods, when checked, then it is a ConfigError', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('no')
        },
      },
    )
    expect(() => having<{ get(): void }>('a store', 'get')(hostile, at)).toThrow(
      'a store, with the methods get',
    )
    expect(() => having<{ get(): void }>('a store', 'get')(revoked(), at)).toThrow(ConfigError)
  })

  it('given two forms, when neither fits, then the message says both; a fault inside one is told as it is', () => {
    const check = either(oneOf('all'), object({ limit: integer() }), '"all" or an object with limit')
    expect(check('all', at)).toBe('all')
    expect(check({ limit: 1 }, at)).toEqual({ limit: 1 })
    expect(() => check(3, at)).toThrow('"all" or an object with limit')
    expect(() => check({ limit: 'x' }, at)).toThrow('option "p.limit"')
  })

  it.each(['x-request-id', 'ETag', "!#$%&'*+-.^_`|~09"])(
    'given the field name %s, when checked, then it is accepted, in the lower case in which hosts look for it',
    name => {
      expect(headerName(name, at)).toBe(name.toLowerCase())
    },
  )

  it.each(['__proto__', '__PROTO__', 'constructor', 'Constructor'])(
    'given %s, which every object has without being sent it, when checked as a field name, then it is refused',
    name => {
      expect(() => headerName(name, at)).toThrow('an HTTP field name')
      expect(() => ownHeaderName(name, at)).toThrow('an HTTP field name')
    },
  )

  it.each([
    'Content-Length',
    'Transfer-Encoding',
    'Set-Cookie',
    'Cookie',
    'Authorization',
    'Host',
    'Connection',
    'Date',
    'Location',
    'Origin',
    'Access-Control-Allow-Origin',
    'Content-Security-Policy-Report-Only',
    'Sec-WebSocket-Accept',
    'If-None-Match',
    'Forwarded',
  ])(
    'given %s, which means something to HTTP or to browsers, when checked as a field of ones own, then it is refused',
    name => {
      expect(headerName(name, at)).toBe(name.toLowerCase())
      expect(() => ownHeaderName(name, at)).toThrow('that has no other meaning')
      expect(() => ownHeaderName(name.toUpperCase(), at)).toThrow('that has no other meaning')
    },
  )

  it.each(['X-Request-ID', 'traceparent', 'cf-connecting-ip', 'X-Forwarded-For', 'Proxy-Client-IP', 'ifx'])(
    'given %s, when checked as a field of ones own, then it is accepted',
    name => {
      expect(ownHeaderName(name, at)).toBe(name.toLowerCase())
    },
  )

  it.each(['', 'a b', 'a:b', 'a\r\nb', 'ä', 'a'.repeat(129), 7])(
    'given %j, when checked as a field name, then it is refused',
    name => {
      expect(() => headerName(name, at)).toThrow('an HTTP field name')
    },
  )

  it('given functions and objects with methods, when checked, then what cannot be called is refused', () => {
    const one = () => 1
    expect(callback()(one, at)).toBe(one)
    expect(() => callback('a function of time')({}, at)).toThrow('allowed: a function of time')
    const store = { get() {} }
    expect(having<{ get(): void }>('a store', 'get')(store, at)).toBe(store)
    for (const wrong of [null, undefined, 'get', {}, { get: 1 }])
      expect(() => having<{ get(): void }>('a store', 'get')(wrong, at)).toThrow(
        'a store, with the methods get',
      )
  })

  it('given flags, when checked, then only true and false are', () => {
    expect(flag(true, at)).toBe(true)
    for (const wrong of [0, 1, 'true', null]) expect(() => flag(wrong, at)).toThrow('one of true, false')
  })
})

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['1m1ms', 60_001],
    [0, 0],
    [1500, 1500],
  ])('given %j, when parsed, then it is %s ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  it.each([
    '',
    ' ',
    '1',
    '1 s',
    ' 1s',
    '1s ',
    '1S',
    '-1s',
    '+1s',
    '1e3s',
    '.5s',
    '1.s',
    '1.2345s',
    '1m 30s',
    's',
    'PT1S',
    `${'9'.repeat(16)}s`,
    '999999999999999w',
    -1,
    1.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    null,
    undefined,
    true,
    {},
    [1],
    '1s'.repeat(40),
  ])('given %j, when parsed, then it is no duration', value => {
    expect(parseDuration(value)).toBeUndefined()
  })

  it('given any whole amounts of units, when written together, then they add up', () => {
    const unit = fc.constantFrom(
      ['ms', 1],
      ['s', 1000],
      ['m', 60_000],
      ['h', 3_600_000],
      ['d', 86_400_000],
      ['w', 604_800_000],
    )
    const part = fc.tuple(fc.nat(100_000), unit as fc.Arbitrary<[string, number]>)
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), parts => {
        const written = parts.map(([amount, [name]]) => `${amount}${name}`).join('')
        const sum = parts.reduce((total, [amount, [, ms]]) => total + amount * ms, 0)
        expect(parseDuration(written)).toBe(sum)
      }),
    )
  })

  it('given any text, when parsed, then it is undefined or a safe number of milliseconds', () => {
    const alphabet = fc.constantFrom(...'0123456789.smhdw -+e')
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: alphabet, maxLength: 20 })), written => {
        const ms = parseDuration(written)
        if (ms !== undefined) expect(Number.isSafeInteger(ms) && ms >= 0).toBe(true)
        expect(parseDuration(`${written}!`)).toBeUndefined()
      }),
    )
  })

  it('given limits, when a duration is outside of them, then it is refused, and within them accepted', () => {
    fc.assert(
      fc.property(fc.nat(10_000), ms => {
        const check = () => duration({ min: '1s', max: 5000 })(ms, { owner: 'o', option: 'p' })
        if (ms >= 1000 && ms <= 5000) expect(check()).toBe(ms)
        else expect(check).toThrow('from 1s to 5000ms')
      }),
    )
  })
})
