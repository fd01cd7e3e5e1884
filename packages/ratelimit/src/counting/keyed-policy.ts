import {
  type Checked,
  type OptionPath,
  type Outcome,
  type RequestContext,
  refuse,
  within,
} from '@palisade/core/middleware'
import { byClient } from '../keys/builders.js'
import type { KeyFunction } from '../keys/key-function.js'
import { Policy, type quotaShape } from './policy.js'

/** The real cost of a request, when its response has ended. */
export type Settle<State extends object> = (
  ctx: RequestContext<State>,
  outcome: Outcome,
) => number | undefined

type CheckedQuota<State extends object> = Checked<typeof quotaShape> & {
  readonly key: KeyFunction<State> | undefined
  readonly settle: Settle<State> | undefined
}

/** A policy of `rateLimit()`: a quota, what it is counted by, and what a request really cost. */
export class KeyedPolicy<State extends object> extends Policy<RequestContext<State>> {
  readonly key: KeyFunction<State>
  readonly settle: Settle<State> | undefined

  constructor(quota: CheckedQuota<State>, at: OptionPath) {
    super(quota, at)
    this.key = quota.key ?? (byClient() as KeyFunction<State>)
    this.settle = quota.settle
    if (quota.settle !== undefined && quota.cost === 0)
      refuse(within(at, 'settle'), quota.settle, 'with a cost from 1 only, as a cost of 0 reserves nothing')
  }
}
