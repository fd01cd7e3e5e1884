import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { epochMs } from './clock.js'

export interface Environment {
  readonly date: string
  readonly node: string
  readonly v8: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  /**
   * Runnable processes in the last minute, before the bench began. Over half of the cores, others
   * share in what is measured.
   */
  readonly load: number
  /** Of everything that is measured here. */
  readonly versions: Readonly<Record<string, string>>
}

/** @param app the directory of this app */
export function environment(app = fileURLToPath(new URL('../', import.meta.url))): Environment {
  const processors = cpus()
  return {
    date: new Date(epochMs()).toISOString(),
    node: process.version,
    v8: process.versions.v8,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()} ${arch()}`,
    load: loadavg()[0] ?? 0,
    versions: versionsBelow(app),
  }
}

function versionsBelow(app: string): Readonly<Record<string, string>> {
  const { dependencies = {} } = manifest(`${app}package.json`)
  return Object.fromEntries(
    Object.keys(dependencies).map(name => [
      name,
      manifest(`${app}node_modules/${name}/package.json`).version ?? 'unknown',
    ]),
  )
}

function manifest(path: string): { version?: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(path, 'utf8'))
}
