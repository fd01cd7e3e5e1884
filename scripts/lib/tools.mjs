import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @param {string} name */
const onPath = name =>
  (process.env['PATH'] ?? '').split(delimiter).some(entry => entry !== '' && existsSync(join(entry, name)))

/**
 * What some tests run: any of the programs will do, or the environment variable that points to one.
 */
const tools = [
  {
    programs: ['redis-server', 'valkey-server'],
    variable: 'REDIS_URL',
    without: 'the distributed suites are skipped',
  },
  {
    programs: ['promtool'],
    variable: undefined,
    without: 'what is exposed is not checked by Prometheus itself',
  },
  {
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'CHROME_PATH',
    without: 'the browser suites are skipped',
  },
]

/** @param {(typeof tools)[number]} tool */
const present = ({ programs, variable }) =>
  programs.some(onPath) || (variable !== undefined && Boolean(process.env[variable]))

/** What this machine lacks and what that leaves out, one line each. */
export const missingTools = () =>
  tools
    .filter(tool => !present(tool))
    .map(({ programs, variable, without }) => {
      const names = programs.join(' or ')
      return `no ${names} on the PATH${variable === undefined ? '' : `, and ${variable} is not set`}: ${without}`
    })

/**
 * The program that a skipped test names, that this machine lacks, and that another one here stands
 * in for: with Redis at hand, a suite for Valkey may be skipped.
 *
 * @param {string} text title and reason of the skip
 */
export const replaced = text =>
  tools
    .filter(present)
    .flatMap(({ programs }) => programs.filter(name => !onPath(name) && text.includes(name)))[0]
