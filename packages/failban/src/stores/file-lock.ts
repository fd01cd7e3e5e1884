import { randomUUID } from 'node:crypto'
import { readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ConfigError } from '@palisade/core/middleware'
import { Pulse } from './pulse.js'

interface Holder {
  readonly pid: number
  readonly host: string
  /**
   * The boot and the start of the process, which tell it from a later one with the same number;
   * `null` where the system does not say.
   */
  readonly mark: string | null
  /**
   * Where its number counts: containers number their processes apart. `null` where all do it
   * together, or an earlier version wrote it.
   */
  readonly pidNamespace: string | null
}

interface Held {
  readonly holder: Holder
  /** Of the lock. */
  readonly path: string
}

/**
 * Keeps a second process from the file: otherwise, when one of them compacts it, the other would go
 * on writing to a file without a name.
 *
 * Each process puts a lock file of its own beside it (`bans.jsonl.lock-...`, with its process id,
 * start and host) and then looks for others: at least one of two processes finds the other. If two
 * start in the same moment, both may be refused. The lock file of a process that has ended (killed,
 * power lost, its number taken by another one) is removed by the next process that finds it. A
 * process on another host cannot be checked: its lock counts. The number of a process in another
 * container of this machine says nothing here: the process is checked through its pulse
 * (`bans.jsonl.lock-....sock`). Without a pulse its lock counts.
 */
export class FileLock {
  readonly #path: string
  readonly #pulse: Pulse | undefined

  private constructor(path: string, pulse: Pulse | undefined) {
    this.#path = path
    this.#pulse = pulse
  }

  /** @throws ConfigError when another process, or this one, has the file */
  static async take(file: string, owner: string, option: string): Promise<FileLock> {
    const path = `${file}${SUFFIX}${randomUUID()}`
    const { pid } = process
    const pidNamespace = await readlink('/proc/self/ns/pid').catch(() => null)
    const self: Holder = { pid, host: hostname(), mark: await markOf(pid), pidNamespace }
    const pulse = pidNamespace === null ? undefined : await Pulse.begin(`${path}${PULSE}`)
    // Renaming shows it to others only when it is complete.
    await writeFile(`${path}${DRAFT}`, JSON.stringify(self), { mode: 0o600 })
    await rename(`${path}${DRAFT}`, path)
    const lock = new FileLock(path, pulse)
    try {
      const other = await lock.#findOther(file, self)
      if (other === undefined) return lock
      throw new ConfigError({
        owner,
        option,
        value: file,
        allowed: `a file that nobody else has open: ${heldBy(other, self, file)}`,
      })
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true })
    await this.#pulse?.stop()
  }

  async #findOther(file: string, self: Holder): Promise<Held | undefined> {
    const folder = dirname(file)
    const own = basename(this.#path)
    const beginning = `${basename(file)}${SUFFIX}`
    for (const name of await readdir(folder)) {
      if (!name.startsWith(beginning) || name.endsWith(DRAFT) || name.endsWith(PULSE) || name === own)
        continue
      const path = join(folder, name)
      const holder = parseHolder(await readIfThere(path))
      if (holder !== undefined && (await isAlive(holder, self, path))) return { holder, path }
      await rm(path, { force: true })
      await rm(`${path}${PULSE}`, { force: true })
    }
    return undefined
  }
}

const SUFFIX = '.lock-'
const DRAFT = '.new'
const PULSE = '.sock'

async function isAlive(holder: Holder, self: Holder, path: string): Promise<boolean> {
  const { pid, host, mark } = holder
  if (host !== self.host) return true
  // Of another boot nothing lives; its containers may have been numbered like ours.
  if (isApart(holder, self))
    return bootOf(mark) === bootOf(self.mark) && !(await Pulse.hasStopped(`${path}${PULSE}`))
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false
  }
  const now = await markOf(pid)
  return now === null || mark === null ? pid !== process.pid : now === mark
}

/** Whether the numbers of the one say nothing to the other. */
const isApart = (one: Holder, other: Holder) =>
  one.pidNamespace !== null && other.pidNamespace !== null && one.pidNamespace !== other.pidNamespace

const bootOf = (mark: string | null) => mark?.slice(0, mark.indexOf(':'))

/**
 * On Linux the boot and the start time of the process; elsewhere, of this process, when it began.
 */
async function markOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // proc(5): field 22, counted behind the name in parentheses, which may hold blanks.
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${boot.trim()}:${started}`
  } catch {
    return pid === process.pid ? `origin:${performance.timeOrigin}` : null
  }
}

/** An unreadable lock was cut short by a loss of power: no running process has written it. */
function parseHolder(text: string | undefined): Holder | undefined {
  try {
    const { pid, host, mark, pidNamespace } = JSON.parse(text ?? '') as Partial<Holder>
    if (!Number.isSafeInteger(pid) || (pid as number) < 1 || typeof host !== 'string') return undefined
    return { pid: pid as number, host, mark: textOrNull(mark), pidNamespace: textOrNull(pidNamespace) }
  } catch {
    return undefined
  }
}

const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null)

/** The whole path: who reads it in a log has to find the file. */
function heldBy({ holder, path }: Held, self: Holder, file: string): string {
  const { pid, host, mark } = holder
  const has = `has ${JSON.stringify(file)}`
  if (host !== self.host)
    return `process ${pid} on ${host} ${has} (if that host is gone, remove ${JSON.stringify(path)})`
  if (isApart(holder, self))
    return `process ${pid} of another container on ${host} ${has} (if that container is gone, remove ${JSON.stringify(path)})`
  return pid === self.pid && mark === self.mark ? `this process ${has} already` : `process ${pid} ${has}`
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

const isCode = (error: unknown, code: string) => (error as { code?: unknown }).code === code
