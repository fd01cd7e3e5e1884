import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { everyCheck } from './check.mjs'
import { everyTest } from './test.mjs'
import { ofRuntimes } from './test-runtimes.mjs'

/**
 * Every check and every test, with one summary: what CI runs. A failed check does not hide what the
 * tests say.
 */
export async function verify() {
  const checks = await everyCheck()
  return summarize([['checks', checks], ...(await everyTest()), await ofRuntimes([])], missingTools())
}
