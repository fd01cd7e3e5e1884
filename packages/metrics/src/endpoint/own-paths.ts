import type { Services } from '@palisade/core/middleware'

export const OWN_PATHS: unique symbol = Symbol('own paths')

/** A `metrics()` as endpoints see it. */
export interface HasOwnPaths {
  readonly [OWN_PATHS]: OwnPaths
}

/** The paths that `metrics()` answers itself, with all below them, before anybody behind it. */
export class OwnPaths {
  readonly #paths: readonly string[]
  #services: Services | undefined

  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  mountedOn(services: Services): void {
    this.#services = services
  }

  /** @returns the first of an endpoint's paths that would never be reached, if there is one */
  hiding(paths: readonly string[], services: Services): string | undefined {
    const isHidden = (path: string) => this.#paths.some(own => path === own || path.startsWith(`${own}/`))
    return services === this.#services ? paths.find(isHidden) : undefined
  }
}
