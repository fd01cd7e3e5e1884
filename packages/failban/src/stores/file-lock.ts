import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ConfigError } from '@palisade/core'

interface Holder {
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one with the same number; `null` where the system does not say. */
  readonly mark: string | null
}

interface Held {
  readonly holder: Holder
  /** Of the lock. */
  readonly path: string
}

/**
 * Keeps two processes from one file: when one of them compacts it, the other would go on writing to a file that has no name.
 *
 * Each puts a file of its own beside it (`bans.jsonl.lock-...`, with its process id, start and host) and then looks for others: never do two
 * find none. Of two that start in the same moment both may be refused. The file of a process that is gone (killed, power lost, its number
 * taken by another one) is removed by whoever finds it; a process on another host cannot be asked and is believed.
 */
export class FileLock {
  private readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** @throws ConfigError when another process, or this one, has the file */
  static async take(file: string, owner: string, option: string): Promise<FileLock> {
    const path = `${file}${SUFFIX}${randomUUID()}`
    const self: Holder = { pid: process.pid, host: hostname(), mark: await markOf(process.pid) }
    // Renaming shows it to others only when it is complete.
    await writeFile(`${path}${DRAFT}`, JSON.stringify(self), { mode: 0o600 })
    await rename(`${path}${DRAFT}`, path)
    const lock = new FileLock(path)
    try {
      const other = await lock.findOther(file)
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
    await rm(this.path, { force: true })
  }

  private async findOther(file: string): Promise<Held | undefined> {
    const folder = dirname(file)
    const own = basename(this.path)
    const beginning = `${basename(file)}${SUFFIX}`
    for (const name of await readdir(folder)) {
      if (!name.startsWith(beginning) || name.endsWith(DRAFT) || name === own) continue
      const path = join(folder, name)
      const holder = parseHolder(await readIfThere(path))
      if (holder !== undefined && (await isAlive(holder))) return { holder, path }
      await rm(path, { force: true })
    }
    return undefined
  }
}

const SUFFIX = '.lock-'
const DRAFT = '.new'

async function isAlive({ pid, host, mark }: Holder): Promise<boolean> {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false
  }
  const now = await markOf(pid)
  return now === null || mark === null ? pid !== process.pid : now === mark
}

/** On Linux the boot and the start time of the process; elsewhere, of this process, when it began. */
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

/** What cannot be read was cut short by a loss of power: nobody living has written it. */
function parseHolder(text: string | undefined): Holder | undefined {
  try {
    const { pid, host, mark } = JSON.parse(text ?? '') as Partial<Holder>
    if (!Number.isSafeInteger(pid) || (pid as number) < 1 || typeof host !== 'string') return undefined
    return { pid: pid as number, host, mark: typeof mark === 'string' ? mark : null }
  } catch {
    return undefined
  }
}

/** The whole path: who reads it in a log has to find the file. */
function heldBy({ holder, path }: Held, self: Holder, file: string): string {
  const { pid, host, mark } = holder
  const has = `has ${JSON.stringify(file)}`
  if (host !== self.host)
    return `process ${pid} on ${host} ${has} (if that host is gone, remove ${JSON.stringify(path)})`
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
