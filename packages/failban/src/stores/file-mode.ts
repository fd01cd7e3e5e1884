import type { FileHandle } from 'node:fs/promises'
import { ConfigError, type Logger } from '@palisade/core/middleware'

const READ_OR_WRITE = 0o066
const WRITE = 0o022

/**
 * Takes the rights of other users from the file: it has addresses of people in it, and what is
 * written there decides who is refused.
 *
 * @throws ConfigError when other users may write it and that cannot be changed
 */
export async function keepToOwner(
  file: FileHandle,
  at: { readonly path: string; readonly owner: string; readonly logger: Logger },
): Promise<void> {
  // Windows has no such modes, and Node makes them up.
  if (process.platform === 'win32') return
  const before = await rightsOf(file)
  if ((before & READ_OR_WRITE) === 0) return
  await file.chmod(0o600).catch(() => {})
  const mode = `0${before.toString(8)}`
  const { path, owner, logger } = at
  const isWritten = ((await rightsOf(file)) & WRITE) !== 0
  if (isWritten)
    throw new ConfigError({
      owner,
      option: 'path',
      value: path,
      allowed: `a file that only its owner may write (chmod 600); its mode is ${mode} and cannot be changed`,
    })
  const hadWriters = (before & WRITE) !== 0
  logger.warn(
    { path, mode },
    hadWriters
      ? 'other users could write the file of bans until now: check the bans in it'
      : 'other users could read the file of bans until now',
  )
}

const rightsOf = async (file: FileHandle) => (await file.stat()).mode & 0o777
