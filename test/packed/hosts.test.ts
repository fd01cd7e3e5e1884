import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { examples } from './examples.js'
import { hosts } from './hosts.js'
import { moduleSystems, program, runProgram } from './program.js'
import { installedIn, installProject, palisadeIn } from './project.js'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const packed = inject('packed')

/** Packages that a project needs beside the wanted one. */
const BASE = ['@palisade/adapters', '@palisade/core']

describe.each(examples)(
  'given the tarball of $package alone with core, the adapters and one host',
  example => {
    const wanted = [...new Set([...BASE, example.package])].sort()
    describe.each(hosts)('which is $name', host => {
      const project = join(
        inject('projects'),
        `${example.package.slice('@palisade/'.length)}-on-${host.name}`,
      )
      beforeAll(async () => {
        const tarballs = packed.filter(({ name }) => wanted.includes(name))
        await installProject(project, tarballs, host.installs)
      })

      it('when npm has installed them, then there is no other package of Palisade and no other host', () => {
        expect(palisadeIn(project).map(([path]) => path)).toEqual(wanted.map(name => `node_modules/${name}`))
        // Types do not count: those of Koa bring those of Express.
        const others = hosts.map(({ name }) => name).filter(name => name !== host.name)
        const found = installedIn(project).map(([path]) => path.split('node_modules/').at(-1) ?? '')
        expect(found.filter(name => others.includes(name))).toEqual([])
      })

      it.each(moduleSystems)('when the application is %s, then it answers as documented', async system => {
        for (const tried of [example, ...(example.otherwise ? [{ ...example, ...example.otherwise }] : [])]) {
          const { file, code } = program(host, tried, system)
          const answers: Answer[] = JSON.parse(await runProgram(project, file, code))
          const expected = tried.exchanges.flatMap(exchange =>
            Array.from({ length: exchange.times ?? 1 }, () => exchange.expected),
          )

          expect(answers.map(({ status }) => status)).toEqual(expected.map(({ status }) => status))
          for (const [index, { body, headers = {}, lacks = [] }] of expected.entries()) {
            const answer = answers[index]
            if (body !== undefined) expect(answer?.body).toMatch(body)
            for (const [name, pattern] of Object.entries(headers)) {
              expect(answer?.headers[name], name).toMatch(pattern)
            }
            for (const name of lacks) expect(answer?.headers[name], name).toBeUndefined()
          }
        }
      })
    })
  },
)
