/**
 * A set that does not change after it was made: an identity is shared by requests, and one must not
 * grant scopes to another.
 */
export class FixedSet<T> extends Set<T> {
  constructor(values: Iterable<T>) {
    // Not given to the constructor of Set, which would call `add`.
    super()
    for (const value of values) super.add(value)
  }

  override add(): never {
    throw frozen()
  }

  override delete(): never {
    throw frozen()
  }

  override clear(): never {
    throw frozen()
  }
}

const frozen = () => new TypeError('an identity is shared by requests and cannot be changed')
