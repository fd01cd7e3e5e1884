import { readFileSync } from 'node:fs'

/**
 * The block of code in a README that holds `marker`.
 *
 * @throws if no block holds it
 */
export function blockWith(marker: string, readme: URL): string {
  const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)]
  const found = blocks.map(([, code]) => code ?? '').find(code => code.includes(marker))
  if (found === undefined) throw new Error(`${readme.pathname} shows no code with ${marker}`)
  return found
}

/** Code without what a formatter changes, and without where Palisade is imported from. */
export const bare = (code: string): string =>
  code.replace(/'(?:@palisade\/[^']+|\.[^']+\.js)'/g, 'palisade').replace(/\s+|,(?=\s*[)\]}])|;/g, '')
