/**
 * So many at a time: a page of keys must not crowd out the requests that are verified meanwhile.
 */
const AT_A_TIME = 20

/** `Promise.all` over a function, a few at a time, in order. */
export async function inBatches<T, R>(items: readonly T[], each: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += AT_A_TIME)
    results.push(...(await Promise.all(items.slice(i, i + AT_A_TIME).map(each))))
  return results
}
