import type { Services } from '@palisade/core/middleware'

interface Mount {
  readonly services: Services
  readonly path: string
}

/**
 * The paths that bans do not block, since bans are lifted there: each below its mount, in the
 * pipelines that have it.
 */
export class Exemptions {
  readonly #mounts = new Set<Mount>()

  /** @returns a function that takes it away again */
  add(services: Services, path: string): () => void {
    const mount = { services, path }
    this.#mounts.add(mount)
    return () => void this.#mounts.delete(mount)
  }

  has(services: Services, path: string): boolean {
    for (const mount of this.#mounts)
      if (mount.services === services && isBelow(path, mount.path)) return true
    return false
  }

  /** Whether a request for the path passed a ban in one of the pipelines. */
  covers(path: string | undefined): boolean {
    if (path === undefined) return false
    for (const mount of this.#mounts) if (isBelow(path, mount.path)) return true
    return false
  }
}

const isBelow = (path: string, mount: string) =>
  (path === mount || path.startsWith(`${mount}/`)) && !LEADS_AWAY.test(path)

/**
 * Segments that a router or a file server may walk up, and what some take for a slash: such a path
 * is not surely below another.
 */
const LEADS_AWAY = /\/\/|\\|%5c|(?:\/|%2f)(?:\.|%2e){1,2}(?=\/|%2f|$)/i
