import { type FileHandle, open, readFile, rm, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError, type Logger } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'
import { HEADER, isHeader, parseStep, replay, type Step } from './file-format.js'
import { FileLock } from './file-lock.js'
import { keepToOwner } from './file-mode.js'
import { isMountPoint, placeOf } from './file-place.js'

/** A file of bans that this process has, and what is in it. */
export interface OpenBanFile {
  /** Without links. */
  readonly path: string
  readonly lock: FileLock
  /** Open for appending. */
  readonly file: FileHandle
  readonly records: readonly BanRecord[]
  /** How many steps it has, past ones included. */
  readonly lines: number
}

/** @throws ConfigError for a file that is held, is mounted by itself, or is something else */
export async function openBanFile(given: string, owner: string, logger: Logger): Promise<OpenBanFile> {
  const path = await placeOf(given)
  const refused = (allowed: string) => new ConfigError({ owner, option: 'path', value: path, allowed })
  if (await isMountPoint(path)) throw refused(NOT_MOUNTED)
  const lock = await FileLock.take(path, owner, 'path')
  let file: FileHandle | undefined
  try {
    await rm(`${path}.tmp`, { force: true })
    file = await open(path, 'a', 0o600)
    await keepToOwner(file, { path, owner, logger })
    const content = await contentOf(file, path, logger)
    const [header = '', ...lines] = content.split('\n')
    if (!isHeader(header)) throw refused('a new file, or one that fileBans() wrote')
    return { path, lock, file, ...understood(lines.slice(0, -1), path, logger) }
  } catch (error) {
    await file?.close()
    await lock.release()
    throw error
  }
}

const NOT_MOUNTED =
  'a file in a folder that is mounted, not one that is mounted by itself: it could never be rewritten'

async function contentOf(file: FileHandle, path: string, logger: Logger): Promise<string> {
  const { size } = await file.stat()
  if (size > 0) return wholeLines(file, path, logger)
  await file.appendFile(HEADER)
  await file.sync()
  await syncFolder(dirname(path))
  return HEADER
}

/**
 * The whole lines. A crash cut short the text after the last line break before it was
 * acknowledged.
 */
async function wholeLines(file: FileHandle, path: string, logger: Logger): Promise<string> {
  const bytes = await readFile(path)
  const end = bytes.lastIndexOf(10) + 1
  if (end === 0 && HEADER.startsWith(bytes.toString('utf8'))) {
    await truncate(path)
    await file.appendFile(HEADER)
    return HEADER
  }
  const content = bytes.toString('utf8', 0, end)
  if (end < bytes.length && isHeader(content.slice(0, content.indexOf('\n')))) {
    const fields = { path, bytes: bytes.length - end }
    logger.warn(fields, 'the last line of the file of bans is torn and was dropped')
    await truncate(path, end)
  }
  return content
}

function understood(
  lines: readonly string[],
  path: string,
  logger: Logger,
): Pick<OpenBanFile, 'records' | 'lines'> {
  const steps: Step[] = []
  let unreadable = 0
  for (const line of lines) {
    const step = parseStep(line)
    if (step === undefined) unreadable++
    else steps.push(step)
  }
  if (unreadable > 0) {
    const fields = { path, lines: unreadable }
    logger.warn(fields, 'lines of the file of bans could not be read and were skipped')
  }
  return { records: replay(steps), lines: lines.length }
}

/**
 * So that the new name itself survives a loss of power; systems that cannot open a folder do it by
 * themselves.
 */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
