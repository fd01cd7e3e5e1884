/**
 * Runs tasks with the same name one after the other; those with other names beside them. Forgets a
 * name when nothing waits for it.
 */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>()

  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve()
    const result = before.then(task, task)
    this.#tails.set(name, result)
    const forget = () => {
      if (this.#tails.get(name) === result) this.#tails.delete(name)
    }
    result.then(forget, forget)
    return result
  }
}
