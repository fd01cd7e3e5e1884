import { ConfigError, pipeline } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { banAdmin, failban, fileBans, ipFilter } from '../src/index.js'

/** Plain JavaScript can pass what the types forbid. */
const loose = (value: unknown) => value as never
const JAIL = { name: 'a', threshold: 1, window: '1m', ban: '1m' }
const bans = failban()
const path = '/admin/security'

describe('given an option that is wrong, then construction throws a ConfigError that names it', () => {
  it.each<[string, () => unknown, string, string]>([
    ['no options', () => failban(loose(5)), '', 'an object'],
    ['an unknown option', () => failban(loose({ maxViolation: 5 })), 'maxViolation', '"maxViolations"'],
    ['maxViolations', () => failban({ maxViolations: 0 }), 'maxViolations', '1 to 10000'],
    ['violationWindow', () => failban({ violationWindow: '10 minutes' }), 'violationWindow', 'a duration'],
    ['banDuration', () => failban({ banDuration: -1 }), 'banDuration', 'a duration'],
    ['both forms', () => failban(loose({ jails: [JAIL], banDuration: '1h' })), 'banDuration', 'not both'],
    ['no jails', () => failban({ jails: [] }), 'jails', '1 to 32'],
    [
      'a jail without a name',
      () => failban({ jails: [loose({ ...JAIL, name: undefined })] }),
      'jails[0].name',
      'a word',
    ],
    ['a name that is taken', () => failban({ jails: [JAIL, JAIL] }), 'jails[1].name', 'of its own'],
    [
      'the name of bans by hand',
      () => failban({ jails: [{ ...JAIL, name: 'manual' }] }),
      'jails[0].name',
      '"manual"',
    ],
    ['no sources', () => failban({ jails: [{ ...JAIL, sources: [] }] }), 'jails[0].sources', '1 to 64'],
    ['a source', () => failban({ jails: [{ ...JAIL, sources: ['a b'] }] }), 'jails[0].sources[0]', 'a word'],
    [
      'a source that is of bans by hand',
      () => failban({ jails: [{ ...JAIL, sources: ['manual'] }] }),
      'jails[0].sources[0]',
      '"manual"',
    ],
    [
      'threshold',
      () => failban({ jails: [{ ...JAIL, threshold: 1.5 }] }),
      'jails[0].threshold',
      'whole number',
    ],
    ['window', () => failban({ jails: [{ ...JAIL, window: '31d' }] }), 'jails[0].window', '30d'],
    ['ban', () => failban({ jails: [{ ...JAIL, ban: 0 }] }), 'jails[0].ban', '1s'],
    [
      'an unknown option of a jail',
      () => failban({ jails: [loose({ ...JAIL, source: 'auth' })] }),
      'jails[0].source',
      '"sources"',
    ],
    ['factor', () => failban({ escalate: { factor: 0.5 } }), 'escalate.factor', '1 to 100'],
    [
      'a maximum below a ban',
      () => failban({ banDuration: '2d', escalate: { max: '1d' } }),
      'escalate.max',
      '172800000',
    ],
    ['max', () => failban({ escalate: { max: 'long' } }), 'escalate.max', 'a duration'],
    ['jitter', () => failban({ escalate: { jitter: '2d' } }), 'escalate.jitter', '1d'],
    ['memory', () => failban({ escalate: { memory: 0 } }), 'escalate.memory', '1s'],
    ['random', () => failban({ escalate: { random: loose(1) } }), 'escalate.random', 'a function'],
    ['allow', () => failban({ allow: ['10.0.0.1/8'] }), 'allow[0]', '"10.0.0.0/8"'],
    ['deny', () => failban({ deny: ['everybody'] }), 'deny[0]', 'CIDR'],
    ['allowOwnAddresses', () => failban({ allowOwnAddresses: loose('no') }), 'allowOwnAddresses', 'true'],
    ['store', () => failban({ store: loose({}) }), 'store', 'memoryBans()'],
    ['mode', () => failban({ mode: loose('shade') }), 'mode', '"shadow"'],
    ['status', () => failban({ status: loose(404) }), 'status', '403'],
    ['explain', () => failban({ explain: loose(1) }), 'explain', 'true'],
    ['probePaths', () => failban({ probePaths: ['/.ENV'] }), 'probePaths[0]', 'lower case'],
    ['maxKeys', () => failban({ maxKeys: 1 }), 'maxKeys', '2 to'],
    ['maxBans', () => failban({ maxBans: 0 }), 'maxBans', '1 to'],
    ['setAllow', () => bans.setAllow(['x']), 'ranges[0]', 'CIDR'],
    ['setDeny', () => bans.setDeny(loose('10.0.0.0/8')), 'ranges', 'an array'],
    ['fileBans', () => fileBans(''), 'path', 'a string'],
    ['ipFilter without a list', () => ipFilter({}), 'allow', 'at least one'],
    ['ipFilter allow', () => ipFilter({ allow: ['x'] }), 'allow[0]', 'CIDR'],
    ['ipFilter deny', () => ipFilter({ deny: [loose(7)] }), 'deny[0]', 'CIDR'],
    ['ipFilter key', () => ipFilter({ deny: [], key: loose('ip') }), 'key', 'a function'],
    ['ipFilter mode', () => ipFilter({ deny: [], mode: loose('off') }), 'mode', 'enforce'],
    ['ipFilter unknown', () => ipFilter(loose({ allowed: [] })), 'allowed', '"allow"'],
    ['banAdmin without authorize', () => banAdmin(bans, loose({ path })), 'authorize', 'required'],
    [
      'banAdmin path',
      () => banAdmin(bans, { path: 'admin', authorize: () => true }),
      'path',
      '/admin/security',
    ],
    [
      'banAdmin of something else',
      () => banAdmin(loose({}), { path, authorize: () => true }),
      'bans',
      'failban()',
    ],
  ])('%s', (_what, build, option, says) => {
    let thrown: unknown
    try {
      build()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigError)
    expect(thrown).toMatchObject({ option, message: expect.stringContaining(says) })
  })

  it.each<[string, object | null, string, string]>([
    ['a length by a name with its unit', { durationMs: 1000 }, 'durationMs', 'did you mean "duration"'],
    ['no number', { duration: Number.NaN }, 'duration', '"permanent"'],
    ['a length gone by', { duration: -1 }, 'duration', '"permanent"'],
    ['a length as other text', { duration: 'forever' }, 'duration', '"permanent"'],
    ['a length past all dates', { duration: Number.MAX_SAFE_INTEGER }, 'duration', '"permanent"'],
    ['a jail that there is not', { jail: 'auht' }, 'jail', 'did you mean "auth"'],
    ['two lines as reason', { reason: 'a\nb' }, 'reason', 'one line'],
    ['a reason without end', { reason: 'x'.repeat(501) }, 'reason', '500'],
    ['nothing', null, '', 'null'],
  ])('a ban by hand with %s', async (_what, options, option, says) => {
    const jails = [{ name: 'auth', threshold: 1, window: '1m', ban: '1m' }]
    const place = failban({ jails })
    await expect(place.ban('192.0.2.1', loose(options))).rejects.toMatchObject({
      owner: 'failban.ban',
      option,
      message: expect.stringContaining(says),
    })
    expect(place.list()).toEqual([])
  })

  it('a wait that is none', async () => {
    await expect(failban().ready({ timeout: 'soon' })).rejects.toMatchObject({ option: 'timeout' })
  })
})

describe('given no options', () => {
  it('then it can be used, with the defaults of the short form', () => {
    expect(() => pipeline().use(failban()).compile()).not.toThrow()
  })
})
