import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { bindMethods, ConfigError, requireProcess, text } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'
import { banLine, HEADER, unbanLine } from './file-format.js'
import type { FileLock } from './file-lock.js'
import { openBanFile, syncFolder } from './file-opening.js'
import type { BanStore, ProcessBans } from './store.js'

/**
 * Bans in a file of this machine: a line is appended for each step, and the file is rewritten when
 * most of it is past.
 *
 * A `save` is settled when its line is on the disk (`fdatasync`); lines that come while one is
 * written share the next write. A ban that was acknowledged survives an end of the process and a
 * loss of power. A line that a crash cut short was never acknowledged: it is skipped with a
 * warning. A rewrite goes to a new file that takes the old one's name when it is complete.
 *
 * One process a file: a second one is refused by a lock file beside it. When the disk fails, or the
 * file is moved away, bans stay in force in memory and the whole file is written anew: with the
 * next ban, every 30 s, and at the end. The file holds addresses of people and is readable for its
 * owner only.
 *
 * @param path its folder is made if it is missing
 * @throws ConfigError if the path is invalid, and on workerd, whose files end with the request;
 * from `open` also for a file that is held, is itself a mount point, or is something else
 */
export function fileBans(path: string): BanStore {
  const checked = text({ max: 4096 })(path, { owner: OWNER, option: 'path' })
  requireProcess(OWNER, {
    needs: 'files that last',
    instead: 'use memoryBans(), or a BanStore of your own',
  })
  const store = new FileBans(resolve(checked))
  return bindMethods(store, 'open', 'save', 'remove', 'sweep', 'close')
}

const OWNER = 'fileBans'
/** A file of so many lines is not worth rewriting. */
const FEW_LINES = 1000
/** Past it lines are not queued: the file is rewritten from memory as soon as it can be. */
const MOST_WAITING = 100_000
const LINES_A_WRITE = 1000

interface Waiting {
  readonly line: string
  readonly settle: (error?: Error) => void
}

class FileBans implements BanStore {
  #path: string
  #isOpen = false
  #begin: (loaded: Promise<readonly BanRecord[]>) => void = () => {}
  readonly #opened = new Promise<readonly BanRecord[]>(resolve => {
    this.#begin = resolve
  })
  #bans: ProcessBans | undefined = undefined
  #lock: FileLock | undefined = undefined
  #file: FileHandle | undefined = undefined
  #waiting: Waiting[] = []
  #pumping: Promise<void> | undefined = undefined
  #lines = 0
  #kept = 0
  /**
   * Why the file lacks something, ends in the middle of a line, or is not surely the one that has
   * the name.
   */
  #fault: Error | undefined = undefined
  /** Whether the file is to be looked after, even if nothing waits. */
  #isDue = false
  #isClosed = false

  constructor(path: string) {
    this.#path = path
  }

  open(bans: ProcessBans): Promise<readonly BanRecord[]> {
    if (this.#isOpen || this.#isClosed)
      throw new ConfigError({
        owner: OWNER,
        option: 'path',
        value: this.#path,
        allowed: 'a store of its own for each failban()',
      })
    this.#isOpen = true
    this.#bans = bans
    this.#begin(this.#load(bans))
    return this.#opened
  }

  save(record: BanRecord): Promise<void> {
    return this.#append(banLine(record))
  }

  remove(ip: string): Promise<void> {
    return this.#append(unbanLine(ip))
  }

  sweep(): void {
    if (this.#isOpen && !this.#isClosed) this.#tend()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.#isOpen) this.#begin(Promise.reject(this.#closed()))
    await this.#tend()
    if (this.#fault !== undefined)
      this.#bans?.logger.error(
        { err: this.#fault, path: this.#path },
        'the file of bans could not be mended: what it lacks is lost',
      )
    await this.#file?.close()
    await this.#lock?.release()
  }

  #append(line: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(this.#closed())
    if (this.#waiting.length >= MOST_WAITING) {
      this.#fault = new Error(`${MOST_WAITING} bans already wait to be written to ${this.#path}`)
      return Promise.reject(this.#fault)
    }
    return new Promise((done, failed) => {
      this.#waiting.push({ line, settle: error => (error === undefined ? done() : failed(error)) })
      this.#pumping ??= this.#pump()
    })
  }

  #tend(): Promise<void> {
    this.#isDue = true
    this.#pumping ??= this.#pump()
    return this.#pumping
  }

  /**
   * Writes until nothing waits. The only code that writes, so that steps stay in order. Never
   * rejects.
   */
  async #pump(): Promise<void> {
    const failure = await this.#opened.then(
      () => undefined,
      error => error as Error,
    )
    while (this.#waiting.length > 0 || this.#isDue) {
      const batch = this.#waiting
      this.#waiting = []
      const isDue = this.#isDue
      this.#isDue = false
      if (isDue && failure === undefined) await this.#look()
      const error = failure ?? (await this.#write(batch))
      for (const { settle } of batch) settle(error)
    }
    // In the same step as the look at the queue: otherwise an entry could be added to a pump that
    // has stopped.
    this.#pumping = undefined
  }

  #closed(): Error {
    return new Error(`${this.#path} is closed`)
  }

  /**
   * A file that was moved away or deleted, as log rotation does, still takes lines, but no process
   * would find them again.
   */
  async #look(): Promise<void> {
    try {
      const [own, named] = [await this.#file?.stat(), await stat(this.#path)]
      if (own?.ino !== named.ino || own.dev !== named.dev)
        this.#fault ??= new Error(`${this.#path} is another file than before`)
    } catch (error) {
      this.#fault ??= error as Error
    }
  }

  async #write(batch: readonly Waiting[]): Promise<Error | undefined> {
    try {
      // A rewrite takes everything from memory, this batch included.
      if (this.#fault !== undefined) await this.#rewrite()
      else if (batch.length > 0) await this.#appendAll(batch)
    } catch (error) {
      this.#fault = error as Error
      return this.#fault
    }
    if (this.#lines >= FEW_LINES + 2 * this.#kept) await this.#compact()
    return undefined
  }

  async #appendAll(batch: readonly Waiting[]): Promise<void> {
    const file = this.#file
    if (file === undefined) throw new Error(`${this.#path} is not open`)
    await file.appendFile(batch.map(({ line }) => line).join(''))
    await file.datasync()
    this.#lines += batch.length
  }

  /** A failed rewrite for the sake of size loses nothing: the old file is still whole. */
  async #compact(): Promise<void> {
    try {
      await this.#rewrite()
    } catch (error) {
      this.#kept = this.#lines
      this.#bans?.logger.warn({ err: error, path: this.#path }, 'the file of bans could not be compacted')
    }
  }

  async #rewrite(): Promise<void> {
    const draft = `${this.#path}.tmp`
    await rm(draft, { force: true })
    const file = await open(draft, 'ax', 0o600)
    try {
      const kept = await this.#writeRecords(file)
      await file.sync()
      await rename(draft, this.#path)
      this.#lines = kept
      this.#kept = kept
    } catch (error) {
      await file.close()
      await rm(draft, { force: true })
      throw error
    }
    // The old one has no name any more: not a line may go there, whatever fails from here on.
    const old = this.#file
    this.#file = file
    await old?.close().catch(() => {})
    try {
      await syncFolder(dirname(this.#path))
      this.#fault = undefined
    } catch (error) {
      // After a loss of power the name may be the old one's again, with what was written until now
      // and nothing later.
      this.#fault = error as Error
      throw error
    }
  }

  /**
   * In slices, so that requests are served in between. A change in the meantime waits as a step of
   * its own, which is appended after.
   */
  async #writeRecords(file: FileHandle): Promise<number> {
    let slice = HEADER
    let kept = 0
    for (const record of [...(this.#bans?.records() ?? [])]) {
      slice += banLine(record)
      if (++kept % LINES_A_WRITE !== 0) continue
      await file.appendFile(slice)
      slice = ''
    }
    await file.appendFile(slice)
    return kept
  }

  async #load({ logger }: ProcessBans): Promise<readonly BanRecord[]> {
    const { path, lock, file, lines, records } = await openBanFile(this.#path, OWNER, logger)
    this.#path = path
    this.#lock = lock
    this.#file = file
    this.#lines = lines
    this.#kept = records.length
    return records
  }
}
