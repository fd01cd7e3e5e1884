import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, it } from 'vitest'
import { documentedCode, documentedSpecifiers } from '../../scripts/lib/documented.mjs'
import { lintTarball } from '../../scripts/lib/pack.mjs'
import { tool } from '../../scripts/lib/root.mjs'
import { examples } from './examples.js'
import { hosts } from './hosts.js'
import { moduleSystems, program, runProgram } from './program.js'
import { palisadeIn } from './project.js'

const consumer = inject('consumer')
const packed = inject('packed')

describe('given an empty project with the tarballs installed', () => {
  it('when npm has resolved them, then each Palisade package is there once and from its tarball', () => {
    const resolved = palisadeIn(consumer)
    expect(resolved.map(([path]) => path).sort()).toEqual(
      packed.map(({ name }) => `node_modules/${name}`).sort(),
    )
    for (const [path, from] of resolved) expect(from, path).toMatch(/^file:/)
  })

  it('when the examples are type-checked in the strictest setting, then there is nothing to say', async () => {
    const files = examples.flatMap(example =>
      hosts.flatMap(host => moduleSystems.map(system => program(host, example, system))),
    )
    const everything = {
      file: 'every-path.ts',
      code: packed
        .flatMap(({ specifiers }) => specifiers)
        .map((specifier, index) => `export * as _${index} from '${specifier}'`)
        .join('\n'),
    }
    for (const { file, code } of [...files, everything]) writeFileSync(join(consumer, file), code)
    writeFileSync(
      join(consumer, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          module: 'NodeNext',
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          allowJs: true,
          checkJs: true,
          noEmit: true,
          skipLibCheck: false,
        },
        files: [...files, everything].map(({ file }) => file),
      }),
    )
    const [node, tsc] = tool('typescript', 'tsc')
    const output = await promisify(execFile)(node, [tsc, '-p', consumer], { cwd: consumer }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout || `error TS: ${String(error)}`,
    )
    // With declarations checked too, those of the hosts have errors of their own, which are not
    // ours to mend.
    const errors = output.split('\n').filter(line => /error TS/.test(line))
    expect(errors.filter(line => !/^node_modules\/(?!@palisade\/)/.test(line))).toEqual([])
  })

  it('when the documentation shows an import, then it is one of the paths tried here', () => {
    const known = new Set(packed.flatMap(({ specifiers }) => specifiers))
    const unknown = documentedSpecifiers().filter(({ specifier }) => !known.has(specifier))
    expect(unknown).toEqual([])
  })
})

/** Code without what a formatter, a comment or the types add to it. */
const bare = (code: string) =>
  code
    .replace(/\/\/ .*$/gm, '')
    .replace(/<string>/g, '')
    .replace(/\s+/g, '')
    .replace(/,(?=[)\]}])/g, '')

describe('given the first example of a README', () => {
  const documented = documentedCode()
  const readmeOf = (name: string) => `packages/${name.slice('@palisade/'.length)}/README.md`

  it.each(examples)('when $package is tried from its tarball, then it is what the README shows', example => {
    const first = bare(documented.find(({ file }) => file === readmeOf(example.package))?.code ?? '')
    const { before = '', mounted, after = '' } = example
    for (const part of [before, mounted, after]) expect(first).toContain(bare(part))
  })

  it('when a package has one, then it is tried here', () => {
    const tried = examples.map(one => one.package)
    const told = packed.filter(({ name }) => documented.some(({ file }) => file === readmeOf(name)))
    expect(told.map(({ name }) => name).filter(name => !tried.includes(name))).toEqual([])
  })
})

describe.each(packed)('given the tarball of $name', ({ tarball, specifiers }) => {
  it('when publint and attw look at it, then they find nothing', async () => {
    expect(await lintTarball(tarball)).toEqual([])
  })

  it.each(specifiers)(
    'when %s is imported from ESM and required from CommonJS, then both get the same names',
    async specifier => {
      const name = specifier.replace(/\W+/g, '-').slice(1)
      const print = 'console.log(JSON.stringify(Object.keys(exported).sort()))'
      const imported = await runProgram(
        consumer,
        `import-${name}.mjs`,
        `import * as exported from '${specifier}'\n${print}\n`,
      )
      const required = await runProgram(
        consumer,
        `require-${name}.cjs`,
        `const exported = require('${specifier}')\n${print}\n`,
      )
      expect(JSON.parse(imported)).not.toEqual([])
      expect(required).toBe(imported)
    },
  )
})
