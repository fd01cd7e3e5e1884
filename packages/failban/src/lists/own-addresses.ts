import { networkInterfaces } from 'node:os'
import { CidrSet, type Clock, canonicalIp } from '@palisade/core/middleware'

const FRESH_MS = 60_000

/**
 * The addresses of this machine: a health check, a sidecar or a misconfigured proxy on it must not
 * lock it out of itself. Read again when asked after a minute, since interfaces come and go.
 */
export class OwnAddresses {
  #known: CidrSet | undefined = undefined
  #readAt = 0

  at(clock: Clock): CidrSet {
    const now = clock.monotonic()
    if (this.#known === undefined || now - this.#readAt >= FRESH_MS) {
      this.#known = new CidrSet(read())
      this.#readAt = now
    }
    return this.#known
  }
}

function read(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .flatMap(({ address }) => canonicalIp(address) ?? [])
}
