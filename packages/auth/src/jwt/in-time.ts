/** How long a team's function may take about a token. */
export const LONGEST_MS = 5000

/**
 * The result of a team's function, if it comes in time. A promise that comes later is observed, so
 * that its rejection does not end the process.
 *
 * @throws Error with `late` as its message
 */
export async function inTime<T>(ms: number, run: () => Promise<T>, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms)
    timer.unref()
  })
  try {
    return await Promise.race([run(), deadline])
  } finally {
    clearTimeout(timer)
  }
}
