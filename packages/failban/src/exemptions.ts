import type { Services } from '@palisade/core/middleware'

/** The paths that bans do not block, since bans are lifted there: each below its mount, in the pipelines that have it. */
export class Exemptions {
  private readonly mounts: { readonly services: Services; readonly path: string }[] = []

  add(services: Services, path: string): void {
    this.mounts.push({ services, path })
  }

  has(services: Services, path: string): boolean {
    return this.mounts.some(mount => mount.services === services && isBelow(path, mount.path))
  }

  /** Whether a request for the path passed a ban in one of the pipelines. */
  covers(path: string | undefined): boolean {
    return path !== undefined && this.mounts.some(mount => isBelow(path, mount.path))
  }
}

const isBelow = (path: string, mount: string) =>
  (path === mount || path.startsWith(`${mount}/`)) && !LEADS_AWAY.test(path)

/** Segments that a router or a file server may walk up, and what some take for a slash: such a path is not surely below another. */
const LEADS_AWAY = /\/\/|\\|%5c|(?:\/|%2f)(?:\.|%2e){1,2}(?=\/|%2f|$)/i
