import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/**
 * The packages as users get them: nothing here resolves to a source of this workspace. Needs a
 * build and `pnpm` on the PATH.
 */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/packed/*.test.ts'],
    globalSetup: ['test/packed/consumer.ts'],
    // An install of every host and a run of every example take their time on a small machine.
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
})
