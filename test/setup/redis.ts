import type { TestProject } from 'vitest/node'
import type {} from '../support/redis.js'
import { redisProgram, startRedis } from '../support/redis-server.js'

/**
 * One Redis for the whole run: `REDIS_URL` if it is set, else a server of our own on a free port,
 * stopped at the end. Without either the distributed suites are skipped and the last line says so;
 * with `CI` set that is a failure, because a build that skips them proves less than it says.
 */
export default async function redisForTheRun(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['REDIS_URL']
  if (given !== undefined && given !== '') {
    project.provide('redisUrl', given)
    return async () => {}
  }
  if (redisProgram() === undefined) {
    const missing = 'neither REDIS_URL is set nor redis-server or valkey-server on the PATH'
    if (isSet(process.env['CI'])) throw new Error(`The distributed suites cannot run: ${missing}`)
    project.provide('redisUrl', undefined)
    return async () => {
      process.stdout.write(`\nSKIPPED: every suite that needs Redis, because ${missing}\n`)
    }
  }
  const server = await startRedis()
  project.provide('redisUrl', server.url)
  return () => server.stop()
}

const isSet = (value: string | undefined) => value !== undefined && value !== '' && value !== 'false'
