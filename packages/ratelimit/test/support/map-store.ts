import {
  decideTogether,
  KeyState,
  type LimitEngine,
  type LimitStore,
  type PolicyKind,
} from '@palisade/ratelimit'

/** Counts in a map, without a bound. */
export class MapStore implements LimitStore {
  readonly #states = new Map<string, KeyState>()

  open(_owner: string, policies: readonly PolicyKind[]): LimitEngine {
    const states = this.#states
    const idOf = ({ name }: PolicyKind, key: string) => JSON.stringify([name, key])
    const stateOf = (kind: PolicyKind, key: string) => {
      const state = states.get(idOf(kind, key)) ?? new KeyState(kind)
      states.set(idOf(kind, key), state)
      return state
    }
    return {
      immediate: true,
      available: true,
      now: clock => Math.floor(clock.monotonic()),
      decide(attempts, now) {
        const found = policies.map((kind, i) => stateOf(kind, attempts[i]?.key ?? ''))
        return decideTogether(found, attempts, now)
      },
      settle(policy, taken, cost, now) {
        const kind = policies[policy]
        if (kind !== undefined) stateOf(kind, taken.key).settle(taken, cost, now)
      },
      reset(key) {
        for (const kind of policies) states.delete(idOf(kind, key))
      },
    }
  }
}
