/** The one place that reads the machine's time. */
export const epochMs = (): number => Date.now()

/** Milliseconds since some fixed moment, with a fraction. */
export const monotonicMs = (): number => performance.now()
