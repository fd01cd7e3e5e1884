/** One kind of decision, taken by several implementations in this process. The first contestant is Palisade. */
export interface Row {
  readonly title: string
  readonly contestants: readonly Contestant[]
}

export interface Contestant {
  readonly name: string
  /** Sets the contestant up; called once, before any round. */
  prepare(): Prepared | Promise<Prepared>
}

export interface Prepared {
  /**
   * Takes so many decisions and returns what became of them, added up so that no compiler may leave them out. A loop of its own, so
   * that calls are not shared between contestants; a promise only where the contestant itself gives promises.
   */
  run(decisions: number): number | Promise<number>
  dispose?(): void | Promise<void>
}
