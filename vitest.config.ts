import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

/**
 * Tests run against the sources: a failing line is a line of source code. The packed tarballs are
 * tested apart.
 */
const sources = readdirSync(`${root}packages`).flatMap(name => [
  { find: new RegExp(`^@palisade/${name}$`), replacement: `${root}packages/${name}/src/index.ts` },
  { find: new RegExp(`^@palisade/${name}/(.+)$`), replacement: `${root}packages/${name}/src/$1.ts` },
])

export default defineConfig({
  resolve: { alias: sources },
  test: {
    globalSetup: ['./test/setup/redis.ts'],
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'scripts/test/*.test.mjs',
      'test/*.test.ts',
    ],
    typecheck: { enabled: true, include: ['packages/*/test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    testTimeout: 20_000,
  },
})
