import { describe, expect, inject, it } from 'vitest'
import { examples } from './examples.js'
import { hosts } from './hosts.js'
import { moduleSystems, program, runProgram } from './program.js'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const consumer = inject('consumer')

describe.each(examples)('given $package from its tarball', example => {
  describe.each(hosts)('on $name', host => {
    it.each(moduleSystems)('when the application is %s, then it answers as documented', async system => {
      const { file, code } = program(host, example, system)
      const answers: Answer[] = JSON.parse(await runProgram(consumer, file, code))

      expect(answers.map(({ status }) => status)).toEqual(example.exchanges.map(([, { status }]) => status))
      for (const [index, [, expected]] of example.exchanges.entries()) {
        const answer = answers[index]
        if (expected.body !== undefined) expect(answer?.body).toBe(expected.body)
        for (const [name, pattern] of Object.entries(expected.headers ?? {})) {
          expect(answer?.headers[name], name).toMatch(pattern)
        }
      }
    })
  })
})
