/**
 * The Redis of the tests. A suite that only uses Redis shares the one of the run, in a namespace of
 * its own:
 *
 *     describe.skipIf(redisUrl() === undefined)('a limit shared by two nodes', () => {
 *       const namespace = uniqueNamespace()
 *
 * A suite that freezes, kills or empties Redis starts its own:
 *
 *     describe.skipIf(!canStartRedis())('with Redis frozen', () => {
 *       const redis = await startRedis()
 */
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { redisProgram } from './redis-server.js'

export { type RedisCluster, startRedisCluster } from './redis-cluster.js'
export {
  freePort,
  type RedisServer,
  type RedisServerOptions,
  redisProgram,
  startRedis,
} from './redis-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by `test/setup/redis.ts`. */
    redisUrl: string | undefined
  }
}

/**
 * The Redis that the whole run shares, `redis://host:port`; `undefined` if the run has no Redis.
 * Never flush it: other suites use it now.
 */
export function redisUrl(): string | undefined {
  return inject('redisUrl')
}

/**
 * Whether `startRedis()` can: a server program is on the PATH. `REDIS_URL` alone is no server that
 * a suite may harm.
 */
export function canStartRedis(): boolean {
  return redisProgram() !== undefined
}

/** A namespace that no other test, run or process uses. */
export function uniqueNamespace(label = 'test'): string {
  return `${label}-${randomBytes(8).toString('hex')}`
}
