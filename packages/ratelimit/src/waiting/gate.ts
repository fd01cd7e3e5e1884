import { unref } from './waiting-room.js'

/**
 * Why a wait ended: a place became free, it took too long, the request has left, or the server
 * stops.
 */
export type WaitEnd = 'entered' | 'timeout' | 'left' | 'closed'

/**
 * Lets so many through at a time and lets others wait in line, first come, first served. Counts
 * places, knows no requests.
 */
export class Gate {
  private inside = 0
  private readonly line = new Set<(end: WaitEnd) => void>()

  get isIdle(): boolean {
    return this.inside === 0 && this.line.size === 0
  }

  get waiting(): number {
    return this.line.size
  }

  /**
   * Whether a place was free. A place that becomes free goes to the line: no request overtakes
   * those who wait.
   */
  enter(limit: number): boolean {
    if (this.inside >= limit) return false
    this.inside++
    return true
  }

  /** Takes a place that the limit does not have. */
  force(): void {
    this.inside++
  }

  /** Gives a place back, and to the next in line. */
  leave(limit: number): void {
    this.inside--
    this.admit(limit)
  }

  /** Lets in as many of those who wait as there is room for. */
  admit(limit: number): void {
    for (const end of this.line) {
      if (this.inside >= limit) return
      this.inside++
      end('entered')
    }
  }

  /**
   * Waits in line. A request that gets `entered` holds a place from that moment.
   *
   * @returns leaves the line
   */
  wait(timeoutMs: number, onEnd: (end: WaitEnd) => void): () => void {
    const finish = (end: WaitEnd) => {
      clearTimeout(timer)
      this.line.delete(finish)
      onEnd(end)
    }
    const timer = setTimeout(() => finish('timeout'), timeoutMs)
    unref(timer)
    this.line.add(finish)
    return () => finish('left')
  }

  close(): void {
    for (const end of [...this.line]) end('closed')
  }
}
