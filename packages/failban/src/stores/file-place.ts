import { mkdir, readFile, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * Where a file really is, whatever links lead there: its lock must be the same by each name, and a
 * rename must replace the file and not the link. Makes its folder if it is missing.
 */
export async function placeOf(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    return await realpath(path)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  }
  const folder = await realpath(dirname(path))
  const target = await readlink(path).catch(() => undefined)
  return target === undefined ? join(folder, basename(path)) : placeOf(resolve(folder, target))
}

/**
 * Whether something is mounted on the file itself, as a container may have it: no other file can
 * take its name. Known on Linux only.
 */
export async function isMountPoint(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  return mounts.split('\n').some(line => unescaped(line.split(' ')[4] ?? '') === path)
}

/** proc(5): blanks and backslashes are in octal. */
const unescaped = (field: string) =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
