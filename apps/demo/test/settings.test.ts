import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { StartError, settingsOf } from '../src/settings.js'

describe('the settings of the demo', () => {
  it.each([
    {},
    { FRAMEWORK: '', PORT: '', HOST: '', NODE_ENV: '', REDIS_URL: '', DEMO_DATA: '', DEMO_LOG: '' },
  ])('given %o, when they are read, then all has its default', env => {
    expect(settingsOf(env)).toEqual({
      framework: 'fastify',
      port: 3000,
      host: '127.0.0.1',
      redisUrl: undefined,
      data: undefined,
      trustsLoopback: false,
      logsRequests: false,
      isProduction: false,
    })
  })

  it.each([
    [{ FRAMEWORK: 'constructor' }, 'FRAMEWORK is "constructor"; allowed: express, fastify, hono, koa, node'],
    ...['-1', '65536', '1e3', '0x50', ' ', '1.5', '3000 '].map(
      PORT => [{ PORT }, `PORT is "${PORT}"; allowed: 0 to 65535, where 0 picks a free one`] as const,
    ),
    ...['localhost:6379', 'http://localhost:6379', 'redis://', 'redis://[', 'redis://:secret@'].map(
      REDIS_URL =>
        [
          { REDIS_URL },
          'REDIS_URL is no URL of Redis; allowed: redis://host:port or rediss://host:port',
        ] as const,
    ),
    ...['example', '0.0.0.0:80', '[::1]', ' ', '127.0.0.1/8'].map(
      HOST =>
        [
          { HOST },
          `HOST is "${HOST}"; allowed: an IP address of this machine, 0.0.0.0 or :: for all of them, or localhost`,
        ] as const,
    ),
    [{ DEMO_LOG: 'yes' }, 'DEMO_LOG is "yes"; allowed: 1, 0 or nothing'],
  ] as const)('given %o, when they are read, then a sentence says what is allowed', (env, message) => {
    expect(() => settingsOf(env)).toThrow(new StartError(message))
  })

  it.each([
    [{}, false],
    [{ HOST: 'localhost' }, false],
    [{ HOST: '::1' }, false],
    [{ HOST: '127.0.0.2' }, false],
    [{ HOST: '127.0.0.1', NODE_ENV: 'production' }, true],
    [{ HOST: '0.0.0.0' }, true],
    [{ HOST: '::' }, true],
    [{ HOST: '192.0.2.7', NODE_ENV: 'staging' }, true],
    [{ HOST: '0.0.0.0', NODE_ENV: 'production' }, true],
    [{ HOST: '0.0.0.0', NODE_ENV: 'development' }, false],
    [{ HOST: '::', NODE_ENV: 'test' }, false],
  ])('given %o, when they are read, then credentials are secret: %s', (env, isProduction) => {
    expect(settingsOf(env).isProduction).toBe(isProduction)
  })

  it('given a directory that is named from where npm was called, when it is read, then it is that one', () => {
    expect(settingsOf({ DEMO_DATA: 'data', INIT_CWD: '/home/team' }).data).toBe('/home/team/data')
    expect(settingsOf({ DEMO_DATA: '/srv/data', INIT_CWD: '/home/team' }).data).toBe('/srv/data')
    expect(settingsOf({ DEMO_DATA: 'data' }).data).toBe(resolve('data'))
  })
})
