import { isPromise, type LimitDecision, type Limiter, type MaybePromise } from '@palisade/core/middleware'

/** What a limiter has counted in advance: kept if the attempt consumes it, refunded otherwise. */
export interface Reservation<T> {
  readonly limiter: Limiter
  readonly decision: LimitDecision
  /**
   * Whether this result of the attempt keeps what was counted. A throw or a rejection never does.
   */
  consumes(result: T): boolean
  /** Called when a refund fails. The answer does not depend on it. */
  failed(error: unknown): void
}

/** Makes the attempt that was reserved. */
export function attemptReserved<T>(
  reservation: Reservation<T>,
  make: () => MaybePromise<T>,
): MaybePromise<T> {
  const settle = (result: T) => {
    if (!reservation.consumes(result)) refund(reservation)
    return result
  }
  const fail = (error: unknown): never => {
    refund(reservation)
    throw error
  }
  try {
    const result = make()
    return isPromise(result) ? (result as Promise<T>).then(settle, fail) : settle(result as T)
  } catch (error) {
    return fail(error)
  }
}

/** Not waited for. */
function refund<T>({ limiter, decision: { receipt }, failed }: Reservation<T>): void {
  if (receipt === undefined) return
  try {
    const refunded = limiter.refund(receipt)
    if (isPromise(refunded)) refunded.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}
