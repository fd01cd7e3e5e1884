import { replaced } from './tools.mjs'

/**
 * What a run of tests or checks came to.
 *
 * @typedef {object} Tally
 * @property {number} passed
 * @property {string[]} failures one line each
 * @property {{ test: string, why: string }[]} skips
 * @property {string[]} retried tests that failed at the first try and passed at the second, one
 * line each
 */

/** @returns {Tally} */
export const emptyTally = () => ({ passed: 0, failures: [], skips: [], retried: [] })

/**
 * One tally out of several.
 *
 * @param {readonly Tally[]} tallies
 * @returns {Tally}
 */
export const sum = tallies => ({
  passed: tallies.reduce((total, { passed }) => total + passed, 0),
  failures: tallies.flatMap(({ failures }) => failures),
  skips: tallies.flatMap(({ skips }) => skips),
  retried: tallies.flatMap(({ retried }) => retried),
})

/** The rules of CI hold if the environment says that this is CI. */
export const inCI = () => !['', 'false', undefined].includes(process.env['CI'])

/** @param {Tally} tally */
export const closingLine = ({ passed, failures, skips }) =>
  `${passed} passed, ${failures.length} failed${skips.length > 0 ? `, ${skips.length} skipped` : ''}`

/**
 * Prints the skipped tests and the reasons, those that needed a second try, the failures, and the
 * counts on the last line.
 *
 * With `CI` set a skipped test is a failure, since no person looks at the gap there. A test may be
 * skipped if an installed program replaces the one that the test is about.
 *
 * @param {readonly (readonly [name: string, tally: Tally])[]} parts
 * @param {readonly string[]} missing tools that some tests need and this machine lacks
 * @returns {number} the exit code
 */
export function summarize(parts, missing) {
  const whole = sum(parts.map(([, tally]) => tally))
  if (inCI()) {
    whole.failures.push(...missing.map(tool => `CI needs every tool: ${tool}`))
    const holes = whole.skips.filter(({ test, why }) => replaced(`${test} ${why}`) === undefined)
    whole.failures.push(...holes.map(({ test, why }) => `skipped in CI: ${test}: ${why}`))
    whole.skips = whole.skips.filter(skip => !holes.includes(skip))
  }

  console.log('\nSummary')
  for (const [name, tally] of parts)
    console.log(`  ${name}: ${tally.passed} of ${tally.passed + tally.failures.length + tally.skips.length}`)
  if (!inCI() && missing.length > 0) {
    console.log('\nNot on this machine')
    for (const tool of missing) console.log(`  ${tool}`)
  }
  if (whole.skips.length > 0) {
    console.log('\nSkipped')
    for (const why of new Set(whole.skips.map(skip => skip.why))) {
      const count = whole.skips.filter(skip => skip.why === why).length
      console.log(`  ${count} ${count === 1 ? 'test' : 'tests'}: ${why}`)
    }
  }
  if (whole.retried.length > 0) {
    console.log('\nPassed at the second try only, which is a fault of the test or of the code')
    for (const test of whole.retried) console.log(`  ${test}`)
  }
  if (whole.failures.length > 0) {
    console.log('\nFailed')
    for (const failure of whole.failures) console.log(`  ${failure}`)
  }
  console.log(`\n${closingLine(whole)}`)
  return whole.failures.length === 0 && whole.passed > 0 ? 0 : 1
}
