import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { root } from './root.mjs'
import { emptyTally } from './tally.mjs'

/**
 * Writes what a run came to as JSON, to the file that PALISADE_TALLY names. vitest's own JSON
 * reporter leaves out the reason of a skip, the errors outside of tests, and which tests needed a
 * second try; all three belong in the closing summary.
 *
 * @implements {Partial<import('vitest/reporters').Reporter>}
 */
export default class TallyReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { message?: string }[]} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    const file = process.env['PALISADE_TALLY']
    if (file === undefined) return
    /** @type {import('./tally.mjs').Tally} */
    const tally = emptyTally()
    for (const module of modules) {
      const path = relative(root, module.moduleId)
      for (const error of module.errors()) tally.failures.push(`${path}: ${firstLine(error.message)}`)
      for (const suite of module.children.allSuites()) {
        for (const error of suite.errors())
          tally.failures.push(`${path} > ${suite.fullName}: ${firstLine(error.message)}`)
      }
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') {
          tally.passed += 1
          if (test.diagnostic()?.flaky === true)
            tally.retried.push(`${path} > ${test.fullName}: ${firstLine(result.errors?.[0]?.message)}`)
        } else if (result.state === 'skipped')
          tally.skips.push({ test: `${path} > ${test.fullName}`, why: result.note ?? whyFromTitle(test) })
        else tally.failures.push(`${path} > ${test.fullName}`)
      }
    }
    for (const error of unhandled) tally.failures.push(`outside of any test: ${firstLine(error.message)}`)
    writeFileSync(file, JSON.stringify(tally))
  }
}

/** @param {string | undefined} text */
const firstLine = text => (text ?? 'no message').split('\n')[0] ?? ''

/**
 * A suite skipped as a whole has no note; its outermost skipped title is the next best.
 *
 * @param {import('vitest/node').TestCase} test
 */
function whyFromTitle(test) {
  /** @type {import('vitest/node').TestCase | import('vitest/node').TestSuite} */
  let outermost = test
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) {
    if (parent.options.mode === 'skip') outermost = parent
  }
  return `no reason given (${outermost.fullName})`
}
