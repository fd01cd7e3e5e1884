/** A set that does not change after it was made: an identity is shared by requests, and one must not grant scopes to another. */
export class FixedSet<T> extends Set<T> {
  #isFixed = false

  constructor(values: Iterable<T>) {
    super()
    for (const value of values) super.add(value)
    this.#isFixed = true
  }

  override add(value: T): this {
    // Also called by the constructor of Set, before the field exists.
    if (#isFixed in this && this.#isFixed) throw frozen()
    return super.add(value)
  }

  override delete(): never {
    throw frozen()
  }

  override clear(): never {
    throw frozen()
  }
}

const frozen = () => new TypeError('an identity is shared by requests and cannot be changed')
