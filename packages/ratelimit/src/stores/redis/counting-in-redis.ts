import type { AlgorithmName } from '../../algorithms/index.js'
import type { PolicyKind } from '../store.js'
import { debtInRedis } from './debt.js'
import { fixedWindowInRedis } from './fixed-window.js'
import type { RedisCounting } from './redis-counting.js'
import { slidingLogInRedis } from './sliding-log.js'
import { slidingWindowInRedis } from './sliding-window.js'

type Make = (policy: PolicyKind) => RedisCounting

const debt: Make = ({ counting }) => debtInRedis(counting)

/** Every algorithm as Redis counts it. A name without an implementation does not compile. */
const COUNTINGS: Readonly<Record<AlgorithmName, Make>> = Object.freeze({
  'fixed-window': fixedWindowInRedis,
  'sliding-window': slidingWindowInRedis,
  'sliding-log': slidingLogInRedis,
  'token-bucket': debt,
  'leaky-bucket': debt,
  gcra: debt,
} satisfies Record<AlgorithmName, Make>)

/** How Redis counts for a policy, whose algorithm is known to exist. */
export function countingInRedis(policy: PolicyKind): RedisCounting {
  return COUNTINGS[policy.algorithm](policy)
}
