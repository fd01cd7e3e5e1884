#!/usr/bin/env node
// `npm run demo|demo:traffic|test|bench|check|build` on a machine that has Node and npm and nothing
// else: gets pnpm, installs from the lock, builds, runs. A second run skips what is still true.
import { Stop } from './lib/process.mjs'

/** @type {Record<string, (args: string[]) => Promise<number>>} */
const commands = {
  demo: async args => (await import('./commands/app.mjs')).app('demo', args),
  'demo:traffic': async args => (await import('./commands/app.mjs')).app('demo', args, 'traffic'),
  bench: async args => (await import('./commands/app.mjs')).app('bench', args),
  build: async () => {
    await (await import('./lib/build.mjs')).build()
    return 0
  },
  check: async () => (await import('./commands/check.mjs')).check(),
  test: async args => (await import('./commands/test.mjs')).test(args),
  'test:nodes': async args => (await import('./commands/test-nodes.mjs')).testNodes(args),
  'test:runtimes': async args => (await import('./commands/test-runtimes.mjs')).testRuntimes(args),
  verify: async () => (await import('./commands/verify.mjs')).verify(),
}

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
try {
  if (command === undefined) {
    throw new Stop(`Unknown command "${name}". Use one of: ${Object.keys(commands).join(', ')}.`)
  }
  const { install } = await import('./lib/install.mjs')
  await install()
  process.exitCode = await command(args)
} catch (error) {
  console.error(error instanceof Stop ? `\n${error.message}` : error)
  process.exitCode = 1
}
