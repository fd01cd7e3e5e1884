import type { RequestContext } from '@palisade/core/middleware'
import { byClient } from '../keys/builders.js'
import type { KeyFunction } from '../keys/key-function.js'
import { Policy } from './policy.js'

/** A policy of `rateLimit()`: a quota, and what it is counted by. */
export class KeyedPolicy<State extends object> extends Policy<RequestContext<State>> {
  readonly key: KeyFunction<State>

  constructor(
    quota: ConstructorParameters<typeof Policy>[0],
    at: ConstructorParameters<typeof Policy>[1],
    key: KeyFunction<State> | undefined,
  ) {
    super(quota, at)
    this.key = key ?? (byClient() as KeyFunction<State>)
  }
}
