import { directPeer } from '@palisade/core'
import type { Services, Trust } from '@palisade/core/middleware'
import { boundedKey } from './bounded-key.js'
import { clientKeysOf, FORM, type KeyForm } from './forms.js'

/** What of a policy says which keys it counts by. */
interface Keyed {
  readonly key: object
}

/**
 * Finds the keys that an operator means. An address is not the key that it is counted by:
 * `2001:db8::1` is counted as `2001:db8::/64`, and a reset of that text alone would do nothing,
 * silently.
 */
export class Resets {
  private readonly forms: readonly (KeyForm | undefined)[]
  /** How the pipelines make a client key of an address. */
  private readonly trusts = new Set<Trust>()

  constructor(policies: readonly Keyed[]) {
    this.forms = policies.map(({ key }) => (key as { readonly [FORM]?: KeyForm })[FORM])
  }

  learn({ trust }: Services): void {
    this.trusts.add(trust)
  }

  /** @throws TypeError for a text that no policy counts by, with what to pass instead */
  keysOf(text: string): readonly string[] {
    checkText(text)
    const trusts = trustsOf(this.trusts)
    const keys = new Set([boundedKey(text)])
    let isKnown = false
    for (const form of this.forms) {
      const found = form === undefined ? [text, ...clientKeysOf(text, trusts)] : form.keysOf(text, trusts)
      if (found.length > 0) isKnown = true
      for (const key of found) keys.add(boundedKey(key))
    }
    if (!isKnown) throw wrongText(text, [...new Set(this.forms.map(form => form?.allowed))].join('; or '))
    return [...keys]
  }
}

/**
 * The keys of a limiter without a pipeline: the text itself, and if it is an address the client key
 * of it.
 */
export function plainKeysOf(text: string): readonly string[] {
  checkText(text)
  return [...new Set([text, ...clientKeysOf(text, trustsOf([]))].map(boundedKey))]
}

function trustsOf(known: Iterable<Trust>): readonly Trust[] {
  const trusts = [...known]
  return trusts.length === 0 ? [directPeer()] : trusts
}

function checkText(text: unknown): void {
  if (typeof text !== 'string' || text === '') throw wrongText(text, 'a string that is not empty')
}

function wrongText(text: unknown, allowed: string): TypeError {
  return new TypeError(
    `reset: the key is ${typeof text === 'string' ? JSON.stringify(text) : typeof text}; allowed: ${allowed}`,
  )
}
