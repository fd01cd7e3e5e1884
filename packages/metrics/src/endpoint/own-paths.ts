import type { Services } from '@palisade/core'
import type { Metrics } from '../metrics.js'

/** A `metrics()` as endpoints see it. */
export const OWN_PATHS: unique symbol = Symbol('own paths')

export interface EndpointHost extends Metrics {
  readonly [OWN_PATHS]: OwnPaths
}

/** The paths that the counts themselves are served at: each is its own template, since most hosts know of no route there. */
export class OwnPaths {
  /** Those that `metrics()` answers itself, with all below them, before anybody behind it. */
  private readonly first: readonly string[]
  private readonly all: string[]
  private services: Services | undefined

  constructor(first: readonly string[]) {
    this.first = first
    this.all = [...first]
  }

  mountedOn(services: Services): void {
    this.services = services
  }

  /** @returns the path that would never be reached, if there is one */
  add(paths: readonly string[], services: Services): string | undefined {
    const isHidden = (path: string) => this.first.some(own => path === own || path.startsWith(`${own}/`))
    const hidden = services === this.services ? paths.find(isHidden) : undefined
    if (hidden === undefined) this.all.push(...paths.filter(path => !this.all.includes(path)))
    return hidden
  }

  /** The path, if it is one of them. */
  templateOf(path: string): string | undefined {
    const { all } = this
    for (let i = 0; i < all.length; i++) if (all[i] === path) return path
    return undefined
  }
}
