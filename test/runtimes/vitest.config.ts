import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/**
 * The packages as users get them, on other runtimes than Node. `npm run test:runtimes` fetches
 * these.
 */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/runtimes/*.test.ts'],
    globalSetup: ['test/runtimes/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
