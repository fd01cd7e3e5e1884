/** The longest that a timer of Node and browsers can wait; a longer one fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Requests that wait, for their turn or for a free place. None outlives `release`. */
export class WaitingRoom {
  private readonly waiting = new Set<() => void>()

  /** Resolves after so many milliseconds, or when the signal aborts, or at `release`. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve()
      let timer: ReturnType<typeof setTimeout>
      let left = ms
      const leave = () => {
        clearTimeout(timer)
        this.waiting.delete(leave)
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const tick = () => {
        if (left <= 0) return leave()
        const step = Math.min(left, LONGEST_TIMER)
        left -= step
        timer = setTimeout(tick, step)
        unref(timer)
      }
      this.waiting.add(leave)
      signal.addEventListener('abort', leave, { once: true })
      tick()
    })
  }

  /** Ends all waits. */
  release(): void {
    for (const leave of [...this.waiting]) leave()
  }
}

/** A wait keeps no process alive. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === 'object') timer.unref()
}
