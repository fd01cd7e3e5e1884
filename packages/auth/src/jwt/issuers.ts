import type { MaybePromise, Services } from '@palisade/core/middleware'
import type { Issuer } from './issuer.js'

export type { Issuer }

/** Who may sign tokens. */
export interface Issuers {
  /** The issuer of exactly that name. */
  find(iss: string): MaybePromise<Issuer | undefined>
  setup(services: Services): void
  dispose(): Promise<void>
}

/** The issuers of the configuration. */
export function fixedIssuers(byName: ReadonlyMap<string, Issuer>): Issuers {
  const sources = new Set([...byName.values()].map(({ keys }) => keys))
  return {
    find: iss => byName.get(iss),
    setup(services) {
      for (const source of sources) source.setup?.(services)
    },
    async dispose() {
      await Promise.all([...sources].map(source => source.dispose?.()))
    },
  }
}
