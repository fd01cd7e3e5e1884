import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import {
  defineScript,
  fromIoredis,
  fromNodeRedis,
  guardRedis,
  type RedisClient,
  RedisUnavailableError,
} from '@palisade/core/redis'
import { Redis } from 'ioredis'
import { createClient, createSentinel } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  canStartRedis,
  freePort,
  type RedisServer,
  redisProgram,
  startRedis,
} from '../../../../test/support/redis.js'

const script = defineScript({ name: 'test.count', lua: "return redis.call('INCR', KEYS[1])" })
const KEY = 'palisade:{t}:203.0.113.9'

interface Opened {
  readonly client: RedisClient
  close(): unknown
}

const clients: readonly { name: string; open: (url: string) => Promise<Opened> }[] = [
  {
    name: 'ioredis',
    async open(url) {
      const redis = new Redis(url, { lazyConnect: true })
      await redis.connect()
      return { client: fromIoredis(redis), close: () => redis.disconnect() }
    },
  },
  {
    name: 'node-redis',
    async open(url) {
      const redis = createClient({ url })
      await redis.connect()
      return { client: fromNodeRedis(redis), close: () => redis.destroy() }
    },
  },
]

/** Servers on which no script of this user can run. */
const servers: readonly { name: string; args: readonly string[]; acl: readonly string[] }[] = [
  { name: 'whose EVALSHA is renamed', args: ['--rename-command', 'EVALSHA', ''], acl: [] },
  {
    name: 'whose scripts are renamed',
    args: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''],
    acl: [],
  },
  { name: 'whose ACL denies EVALSHA', args: [], acl: ['+@all', '-evalsha'] },
  { name: 'whose ACL denies scripts', args: [], acl: ['+@all', '-@scripting'] },
  { name: 'whose ACL denies what the script calls', args: [], acl: ['+@all', '-incr'] },
]

describe.skipIf(!canStartRedis()).each(servers)('a server $name', ({ args, acl }) => {
  let server: RedisServer
  let url: string
  beforeAll(async () => {
    server = await startRedis({ args })
    url = server.url
    if (acl.length === 0) return
    await server.command('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', ...acl)
    url = server.url.replace('redis://', 'redis://limited:secret@')
  })
  afterAll(() => server?.stop())

  it.each(clients)(
    'through $name opens the breaker, and no error names the key of a client',
    async ({ open }) => {
      const { client, close } = await open(url)
      const guarded = guardRedis(client, { deadline: '20s', breaker: { failures: 3, backoff: '1h' } })
      const errors: unknown[] = []
      for (let i = 0; i < 4; i++) await guarded.run(script, [KEY]).catch(error => errors.push(error))
      expect(guarded.state).toBe('open')
      expect(errors).toHaveLength(4)
      for (const error of errors) {
        expect(error).toBeInstanceOf(RedisUnavailableError)
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('203.0.113.9')
        expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('203.0.113.9')
      }
      close()
    },
  )
})

describe.skipIf(!canStartRedis())('an error for one key', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  it.each(clients)('through $name does not open the breaker, and names no key', async ({ open }) => {
    const { client, close } = await open(server.url)
    await client.send(['LPUSH', KEY, 'x'], KEY)
    const guarded = guardRedis(client, { deadline: '20s', breaker: { failures: 1 } })
    for (const call of [() => guarded.run(script, [KEY]), () => guarded.send(['GET', KEY], KEY)]) {
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(RedisUnavailableError)
      expect(inspect(error, { depth: 10 })).not.toContain('203.0.113.9')
    }
    expect(guarded.state).toBe('closed')
    close()
  })
})

interface Sentinel {
  readonly port: number
  stop(): void
}

/** A Sentinel needs a file of its own, which it writes. Resolves when it watches the master. */
async function startSentinel(master: number): Promise<Sentinel> {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-sentinel-'))
  const port = await freePort()
  const file = join(directory, 'sentinel.conf')
  writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 ${master} 1\n`)
  const child = spawn(redisProgram() as string, [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('+monitor')) break
  child.stdout.resume()
  return {
    port,
    stop() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

describe.skipIf(!canStartRedis())('a Sentinel set through node-redis', () => {
  let master: RedisServer
  let sentinel: Sentinel
  beforeAll(async () => {
    master = await startRedis()
    sentinel = await startSentinel(master.port)
  })
  afterAll(async () => {
    sentinel?.stop()
    await master?.stop()
  })

  it.each([
    { name: 'as it is', strip: false },
    { name: 'without duplicate(), as in version 5', strip: true },
  ])('$name: runs scripts, and hears a channel', async ({ strip }) => {
    const redis = createSentinel({
      name: 'm',
      sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
    })
    redis.on('error', () => {})
    if (strip) Object.defineProperty(redis, 'duplicate', { value: undefined })
    await redis.connect()
    const client = fromNodeRedis(redis as never)
    const guarded = guardRedis(client, { deadline: '20s' })
    expect(Number(await guarded.run(script, [KEY]))).toBeGreaterThan(0)
    let hear = (_message: string) => {}
    const heard = new Promise<string>(resolve => {
      hear = resolve
    })
    const subscription = client.subscribe('news', message => hear(message))
    await subscription.ready
    await client.send(['PUBLISH', 'news', 'hello'])
    expect(await heard).toBe('hello')
    subscription.close()
    await redis.close()
  })
})
