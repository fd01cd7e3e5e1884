import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @param {string} name */
const onPath = name =>
  (process.env['PATH'] ?? '').split(delimiter).some(entry => entry !== '' && existsSync(join(entry, name)))

/** Programs of the machine that some tests run, and what says that such tests can run. */
const tools = [
  {
    present: () => Boolean(process.env['REDIS_URL']) || onPath('redis-server') || onPath('valkey-server'),
    absence: 'redis-server or valkey-server (or REDIS_URL): the distributed suites are skipped',
  },
  {
    present: () => onPath('promtool'),
    absence: 'promtool (part of Prometheus): what is exposed is not checked against Prometheus itself',
  },
  {
    present: () =>
      Boolean(process.env['CHROME_PATH']) || ['chromium', 'chromium-browser', 'google-chrome'].some(onPath),
    absence: 'chromium (or CHROME_PATH): the browser suites are skipped',
  },
]

/** What this machine lacks, one line each. */
export const missingTools = () => tools.filter(({ present }) => !present()).map(({ absence }) => absence)
