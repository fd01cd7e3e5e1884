import { refuse } from './option-path.js'

/** What a part needs of a runtime, and what to do on one that lacks it. Both end the message. */
export interface Needed {
  /** After "Node, Bun or Deno, which have". */
  readonly needs: string
  /** After "elsewhere". */
  readonly instead: string
}

/** Refuses to build a part on a runtime that lacks what the part needs. */
export function refuseRuntime(owner: string, { needs, instead }: Needed, cause?: unknown): never {
  const allowed = `Node, Bun or Deno, which have ${needs}; elsewhere ${instead}`
  return refuse({ owner, option: 'runtime' }, runtimeName() ?? 'unknown', allowed, cause)
}

/**
 * Refuses to build a part on workerd that needs a process of its own. workerd has Node's modules
 * for files and signals, but its files end with the request, and no signal ever comes.
 *
 * @throws ConfigError
 */
export function requireProcess(owner: string, needed: Needed): void {
  if (runtimeName() === 'Cloudflare-Workers') refuseRuntime(owner, needed)
}

function runtimeName(): string | undefined {
  return globalThis.navigator?.userAgent
}
