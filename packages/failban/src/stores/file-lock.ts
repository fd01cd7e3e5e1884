import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { ConfigError } from '@palisade/core'

interface Holder {
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one with the same number; `null` where the system does not say. */
  readonly mark: string | null
}

/**
 * Keeps two processes from one file: when one of them compacts it, the other would go on writing to a file that has no name.
 *
 * The lock is a file beside it with the holder's process id, its start and its host. A holder that is gone (killed, power lost, the id taken by
 * another process) is replaced. One on another host cannot be asked: it is believed.
 */
export class FileLock {
  private readonly path: string
  private readonly text: string

  private constructor(path: string, text: string) {
    this.path = path
    this.text = text
  }

  /** @throws ConfigError when another process, or this one, holds it */
  static async take(path: string, owner: string, option: string): Promise<FileLock> {
    const self: Holder = { pid: process.pid, host: hostname(), mark: await markOf(process.pid) }
    const text = JSON.stringify(self)
    const draft = `${path}.${randomUUID()}`
    await writeFile(draft, text, { flag: 'wx', mode: 0o600 })
    try {
      // Linking is the one step that fails if the name is taken and never shows a half-written file.
      while (!(await tryLink(draft, path))) {
        const found = await readIfThere(path)
        if (found === undefined) continue
        const holder = parseHolder(found)
        if (holder !== undefined && (await isAlive(holder)))
          throw new ConfigError({
            owner,
            option,
            value: path,
            allowed: `a file that no other process has open; ${heldBy(holder)}`,
          })
        await discard(path, found)
      }
      return new FileLock(path, text)
    } finally {
      await rm(draft, { force: true })
    }
  }

  async release(): Promise<void> {
    if ((await readIfThere(this.path)) === this.text) await rm(this.path, { force: true })
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Takes a dead holder's lock away - but puts back what somebody else has put there since it was read. */
async function discard(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  if ((await readIfThere(aside)) !== stale) await tryLink(aside, path)
  await rm(aside, { force: true })
}

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

/** On Linux the boot and the start time of the process; of this process elsewhere when it began. */
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

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, mark } = JSON.parse(text) as Partial<Holder>
    if (!Number.isSafeInteger(pid) || typeof host !== 'string') return undefined
    return { pid: pid as number, host, mark: typeof mark === 'string' ? mark : null }
  } catch {
    return undefined
  }
}

function heldBy({ pid, host }: Holder): string {
  const where = host === hostname() ? '' : ` on ${host} (remove the lock file if that host is gone)`
  return `process ${pid}${where} has it`
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
