/**
 * One kind of decision, taken by several implementations in this process. The first contestant is
 * Palisade.
 */
export interface Row {
  readonly title: string
  /**
   * What is measured: CPU time of this process, or with `wall` time that passes, where another
   * process has a part in the work.
   */
  readonly clock?: 'wall'
  /** Why it cannot be measured on this machine. */
  skipped?(): string | undefined
  readonly contestants: readonly Contestant[]
}

export interface Contestant {
  readonly name: string
  /** Sets the contestant up; called once, before any round. */
  prepare(): Prepared | Promise<Prepared>
}

export interface Prepared {
  /**
   * Takes so many decisions and returns what became of them, added up so that no compiler may leave
   * them out. A loop of its own, so that calls are not shared between contestants; a promise only
   * where the contestant itself gives promises.
   */
  run(decisions: number): number | Promise<number>
  dispose?(): void | Promise<void>
}
