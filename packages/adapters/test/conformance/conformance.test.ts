import { afterAll, describe, expect, test } from 'vitest'
import { behaviours } from './behaviours/index.js'
import { hosts } from './hosts/index.js'
import { Matrix } from './matrix.js'
import { reasonAgainst, run } from './run.js'

const matrix = new Matrix()

test('given the table when it is read then every behaviour has a title of its own and names hosts that exist', () => {
  const titles = behaviours.map(({ title }) => title)
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([])
  const named = behaviours.flatMap(({ only, notOn = {} }) => [...(only?.hosts ?? []), ...Object.keys(notOn)])
  expect(hosts.map(({ name }) => name)).toEqual(expect.arrayContaining(named))
})

for (const host of hosts) {
  describe(host.name, () => {
    for (const behaviour of behaviours) {
      if (reasonAgainst(behaviour, host) !== undefined) {
        matrix.set(behaviour, host, 'n/a')
        continue
      }
      test(behaviour.title, { timeout: 5000 }, async ({ onTestFailed }) => {
        onTestFailed(() => matrix.set(behaviour, host, 'FAIL'))
        matrix.set(behaviour, host, 'pass')
        await run(behaviour, host)
      })
    }
  })
}

afterAll(() => {
  process.stdout.write(`\n${matrix.print(behaviours, hosts)}\n`)
})
