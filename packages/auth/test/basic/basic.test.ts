import type * as crypto from 'node:crypto'
import { scryptSync } from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { parseBasic } from '../../src/basic/credentials.js'
import { formatPhc, parsePhc } from '../../src/basic/phc.js'
import { type BasicOptions, basic, passwordHasher, passwordUsers, type StoredUser } from '../../src/index.js'
import { edge } from '../support/edge.js'

const work = vi.hoisted(() => ({ scrypts: [] as string[] }))
vi.mock('node:crypto', async load => {
  const real = await load<typeof crypto>()
  const scrypt: typeof real.scrypt = (...args: unknown[]) => {
    work.scrypts.push(JSON.stringify(args[3]))
    Reflect.apply(real.scrypt, undefined, args)
  }
  return { ...real, scrypt }
})

const CHALLENGE = 'Basic realm="api", charset="UTF-8"'
const WEAK = { cost: 10 }
const field = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`
const as = (text: string | Uint8Array) => ({ headers: { authorization: field(text) } })

beforeEach(() => {
  work.scrypts.length = 0
})

async function setUp(
  users: Record<string, Partial<StoredUser> & { password?: string }> = {},
  options: Partial<BasicOptions> = {},
) {
  const hasher = passwordHasher(WEAK)
  const rows = new Map<string, StoredUser>()
  for (const [name, { password, ...user }] of Object.entries({
    ada: { password: 'correct horse' },
    ...users,
  }))
    rows.set(name, {
      subject: `id-${name}`,
      ...(password !== undefined && { passwordHash: await hasher.hash(password) }),
      ...user,
    })
  work.scrypts.length = 0
  const known = passwordUsers({ find: name => rows.get(name), hasher })
  return { rows, hasher, known, ...edge({ strategies: [basic({ verify: known.verify, ...options })] }) }
}

describe('credentials', () => {
  test('a user ends at the first colon, and a password may hold more, in any script', async () => {
    const { send } = await setUp({
      bob: { password: 'a:b::c', roles: ['admin'] },
      Renée: { password: 'пароль 🔑' },
    })
    const { status, state } = await send(as('bob:a:b::c'))
    expect([status, state.identity?.subject, state.identity?.roles.has('admin')]).toEqual([
      200,
      'id-bob',
      true,
    ])
    expect((await send(as('Renée:пароль 🔑'))).status).toBe(200)
  })

  test('the same letters in another normalisation are the same password', async () => {
    const { send } = await setUp({ 'Ren\u00e9e': { password: 'p\u00e4ss' } })
    expect((await send(as('Rene\u0301e:pa\u0308ss'))).status).toBe(200)
  })

  test.each([
    ['no base64', 'Basic !!!'],
    ['nothing', 'Basic'],
    ['base64url', `Basic ${Buffer.from('ada:>>>???').toString('base64url')}`],
    ['bits after the end', 'Basic YWRhOmF='],
    ['padding inside', 'Basic YQ==OmI='],
    ['two lines', ['Basic YTpi', 'Basic YTpi']],
    ['no colon', field('ada')],
    ['a line end', field('ada:a\nb')],
    ['a NUL', field('ada\0:correct horse')],
    ['a C1 control', field('ada:a\u0085b')],
    ['no UTF-8', field(new Uint8Array([0x61, 0x3a, 0xff]))],
    ['a kilobyte and a byte', field(`ada:${'x'.repeat(1021)}`)],
    ['a megabyte', field(`ada:${'x'.repeat(1_000_000)}`)],
  ])('given %s, then it is the same 401 as a wrong password, without a hash', async (_, authorization) => {
    const { send, violations } = await setUp()
    const { status, headers } = await send({ headers: { authorization } })
    expect([status, headers['www-authenticate'], violations.length, work.scrypts.length]).toEqual([
      401,
      CHALLENGE,
      1,
      0,
    ])
  })

  test('whatever is not malformed is read as it was written', () => {
    const plain = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter(text => !/[\x00-\x1f\x7f-\x9f]/.test(text))
    fc.assert(
      fc.property(
        plain.filter(name => !name.includes(':')),
        plain,
        (username, password) => {
          expect(parseBasic(field(`${username}:${password}`))).toEqual({
            username: username.normalize('NFC'),
            password: password.normalize('NFC'),
          })
        },
      ),
    )
    fc.assert(
      fc.property(fc.string(), text => {
        parseBasic(text)
        parseBasic(`Basic ${text}`)
      }),
    )
  })
})

describe('verification', () => {
  test('an unknown user, a user without a password, disabled ones and a wrong password cost one hash of today each', async () => {
    const { send, rows, failures } = await setUp({
      nopass: {},
      off: { password: 'correct horse', disabled: true },
      broken: { passwordHash: '!', disabled: true },
    })
    const bodies = new Set<string>()
    for (const name of ['nobody', 'nopass', 'off', 'broken', 'ada']) {
      const { status, headers, body } = await send(
        as(`${name}:${name === 'ada' ? 'wrong' : 'correct horse'}`),
      )
      bodies.add(
        [status, headers['www-authenticate'], body.replace(/"(timestamp|request_id)":"[^"]*"/g, '')].join(),
      )
    }
    expect(bodies.size).toBe(1)
    expect(work.scrypts.length).toBe(5)
    expect(new Set(work.scrypts).size).toBe(1)
    expect(failures.map(({ subject }) => subject)).toEqual(['nobody', 'nopass', 'off', 'broken', 'ada'])
    expect(rows.size).toBe(4)
  })

  test.each(['$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', 'plain', '', 5])(
    'given a user whose stored hash is %j, when any password is tried, then it is a logged 503 for the work of a hash, and held against nobody',
    async passwordHash => {
      const { send, violations, logs } = await setUp({ old: { passwordHash: passwordHash as string } })
      const { status, body } = await send(as('old:plain'))
      expect([status, body.includes('passwordHash'), violations]).toEqual([503, false, []])
      const told = logs.map(({ fields }) => String(fields['err'])).join()
      expect(told).toContain('passwordHash that cannot be read')
      if (typeof passwordHash === 'string' && passwordHash !== '') expect(told).not.toContain(passwordHash)
      expect((await send(as('nobody:plain'))).status).toBe(401)
      expect([work.scrypts.length, new Set(work.scrypts).size]).toEqual([2, 1])
    },
  )

  test('what throws is a 503 that says nothing', async () => {
    const { send, violations } = await setUp({}, { verify: () => Promise.reject(new Error('db-host down')) })
    const { status, body } = await send(as('ada:x'))
    expect([status, body.includes('db-host'), violations]).toEqual([503, false, []])
  })

  test.each([true, 'ada', {}, { subject: '' }, { subject: 7 }])(
    'a verify that returns %j lets nobody in',
    async answer => {
      const { send } = await setUp({}, { verify: () => answer as never })
      expect((await send(as('ada:x'))).status).toBe(503)
    },
  )

  test('bytes in the claims, which nobody can freeze, are left as they are', async () => {
    const avatar = Buffer.from('png')
    const claims = { avatar, deep: { raw: new Float64Array(2), list: [{ tag: 'x' }] } }
    const { send } = await setUp({ bob: { password: 'b', claims } })
    const { status, state } = await send(as('bob:b'))
    expect([status, state.identity?.claims['avatar']]).toEqual([200, avatar])
    expect([Object.isFrozen(claims.deep), Object.isFrozen(claims.deep.list[0])]).toEqual([true, true])
  })

  test('more of a row than an identity has does not get into it', async () => {
    const { send } = await setUp({ bob: { password: 'b', ...({ ssn: '123' } as object) } })
    expect(JSON.stringify((await send(as('bob:b'))).state.identity)).not.toMatch(/ssn|scrypt/)
  })
})

describe('remembered logins', () => {
  test('a right login is hashed once a minute, a wrong one each time', async () => {
    const clock = fakeClock()
    const { known } = await setUp()
    const { send } = edge({ strategies: [basic({ verify: known.verify })] }, clock)
    for (let i = 0; i < 3; i++) expect((await send(as('ada:correct horse'))).status).toBe(200)
    expect(work.scrypts.length).toBe(1)
    for (let i = 0; i < 2; i++) expect((await send(as('ada:wrong'))).status).toBe(401)
    expect(work.scrypts.length).toBe(3)
    clock.advance(60_000)
    expect((await send(as('ada:correct horse'))).status).toBe(200)
    expect(work.scrypts.length).toBe(4)
  })

  test('with the cache off each request is hashed', async () => {
    const { send } = await setUp({}, { cache: false })
    for (let i = 0; i < 2; i++) await send(as('ada:correct horse'))
    expect(work.scrypts.length).toBe(2)
  })
})

describe('hashes', () => {
  test('are PHC strings that scrypt of another maker verifies', async () => {
    // RFC 7914 section 12, the third vector (N 16384, r 8, p 1), its first 32 bytes.
    const vector = '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2'
    const phc = formatPhc({
      ln: 14,
      r: 8,
      p: 1,
      salt: Buffer.from('SodiumChloride'),
      hash: Buffer.from(vector, 'hex'),
    })
    expect(phc).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$U29kaXVtQ2hsb3JpZGU\$/)
    const hasher = passwordHasher(WEAK)
    expect(await hasher.verify('pleaseletmein', phc)).toBe(true)
    expect(await hasher.verify('pleaseletmeim', phc)).toBe(false)
  })

  test('are salted, and today cost 128 MiB', async () => {
    const hasher = passwordHasher()
    const phc = await hasher.hash('x')
    expect(phc).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$/)
    expect(await hasher.verify('x', phc)).toBe(true)
    const weak = passwordHasher(WEAK)
    expect(await weak.hash('x')).not.toBe(await weak.hash('x'))
  })

  test.each([
    '',
    'x',
    '$argon2id$v=19$m=1,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWE',
    '$scrypt$ln=31,r=8,p=1$YWFhYWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYWFhYQ',
    '$scrypt$ln=20,r=32,p=1$YWFhYWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYWFhYQ',
    '$scrypt$ln=0,r=0,p=0$YWFhYWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYWFhYQ',
  ])('%j cannot be read, and asks for no memory', phc => {
    expect(parsePhc(phc)).toBeUndefined()
  })

  test("are made anew at a login when they are weaker than today, and a failure of that is not the user's", async () => {
    const weak = passwordHasher({ cost: 10 })
    const strong = passwordHasher({ cost: 11 })
    const stored: string[] = []
    const user = { subject: 'u', passwordHash: await weak.hash('pw') }
    const users = passwordUsers({
      find: () => user,
      hasher: strong,
      rehash: (name, hash) => stored.push(name, hash),
    })
    expect(await users.verify('ada', 'wrong')).toBeUndefined()
    expect(stored).toEqual([])
    expect((await users.verify('ada', 'pw'))?.subject).toBe('u')
    await expect.poll(() => stored[1]).toMatch(/ln=11/)
    expect(await strong.verify('pw', stored[1])).toBe(true)
    expect([strong.needsRehash(stored[1] as string), weak.needsRehash(stored[1] as string)]).toEqual([
      false,
      false,
    ])
    const failing = passwordUsers({
      find: () => user,
      hasher: strong,
      rehash: () => Promise.reject(new Error('read-only')),
    })
    expect((await failing.verify('ada', 'pw'))?.subject).toBe('u')
  })

  const weakened = async (rehash: (name: string, hash: string) => unknown) => {
    const user = { subject: 'u', passwordHash: await passwordHasher({ cost: 10 }).hash('pw') }
    // One at a time and in turn: with more, a login on a busy machine may end after the new hash is
    // made, and rightly makes another.
    const hasher = passwordHasher({ cost: 11, concurrency: 1 })
    work.scrypts.length = 0
    return { hasher, users: passwordUsers({ find: () => user, hasher, rehash }) }
  }

  test('given a hash that is made anew, when the login is answered, then it did not wait for that, and logins beside it make no other', async () => {
    const stored: string[] = []
    const { users } = await weakened((_, hash) => {
      stored.push(hash)
      return new Promise<void>(() => {})
    })
    const login = async () => (await users.verify('ada', 'pw'))?.subject
    expect(await Promise.all([login(), login(), login()])).toEqual(['u', 'u', 'u'])
    await expect.poll(() => stored.length).toBe(1)
    expect(work.scrypts.filter(cost => cost.includes(String(2 ** 11))).length).toBe(1)
  })

  test('given a locked account with a hash of before, when the password is right, then it costs what a wrong one does', async () => {
    const stored: string[] = []
    const { users } = await weakened((_, hash) => stored.push(hash))
    const { send } = edge({ strategies: [basic({ verify: users.verify, lockout: { perClient: 1 } })] })
    for (const password of ['wrong', 'wrong', 'pw'])
      expect((await send(as(`ada:${password}`))).status).toBe(401)
    await new Promise(resolve => setImmediate(resolve))
    const [first, second, third] = [0, 1, 2].map(n => work.scrypts.slice(2 * n, 2 * n + 2))
    expect([work.scrypts.length, second, third, stored]).toEqual([6, first, first, []])
  })

  test('of nothing, or of more than a kilobyte, are not made', async () => {
    await expect(passwordHasher(WEAK).hash('')).rejects.toThrow(RangeError)
    await expect(passwordHasher(WEAK).hash('x'.repeat(1025))).rejects.toThrow(RangeError)
  })
})

describe('an empty password', () => {
  const hashOfNothing = () => {
    const salt = Buffer.alloc(16, 1)
    const hash = scryptSync('', salt, 32, { N: 2 ** 10, r: 8, p: 1 })
    return formatPhc({ ln: 10, r: 8, p: 1, salt, hash })
  }

  test('given a hash of one, made elsewhere, then it opens nothing, for the work of a hash', async () => {
    const { rows, send } = await setUp()
    rows.set('eve', { subject: 'id-eve', passwordHash: hashOfNothing() })
    expect((await send(as('eve:'))).status).toBe(401)
    expect(work.scrypts.length).toBe(1)
  })

  test('given a verify of the team, then it is asked with it, as keys come in the place of the user', async () => {
    const asked: unknown[] = []
    const verify: BasicOptions['verify'] = (...typed) => {
      asked.push(typed.slice(0, 2))
      return { subject: 'key' }
    }
    const { send } = edge({ strategies: [basic({ verify })] })
    expect((await send(as('sk_live_4eC39HqLyjW:'))).state.identity?.subject).toBe('key')
    expect(asked).toEqual([['sk_live_4eC39HqLyjW', '']])
  })
})

test('given a verify that does not look at the signal, then none is made for the request', async () => {
  const { AbortController } = globalThis
  let made = 0
  globalThis.AbortController = class extends AbortController {
    constructor() {
      super()
      made += 1
    }
  }
  try {
    for (const looks of [false, true]) {
      const verify: BasicOptions['verify'] = (_name, _password, context) => {
        if (looks) void context.signal
        return { subject: 'ada' }
      }
      const { send } = edge({ strategies: [basic({ verify })] })
      expect((await send(as('ada:secret'))).status).toBe(200)
      expect(made).toBe(looks ? 1 : 0)
    }
  } finally {
    globalThis.AbortController = AbortController
  }
})
