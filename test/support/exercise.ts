import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const COPIED = ['packages', 'test', 'package.json', 'vitest.config.ts', 'tsconfig.json', 'tsconfig.base.json']
const LEFT_OUT = new Set(['dist', '.turbo', 'coverage', 'packed', 'runtimes'])

/**
 * A file of the workspace, and its text after the change; of a new file the text before is empty.
 */
export type Changes = Readonly<Record<string, (before: string) => string>>

/**
 * A copy of the workspace in a temporary folder, to change and to test. Dependencies are linked.
 */
export class WorkspaceCopy {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async make(): Promise<WorkspaceCopy> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'exercise-')))
    const linked: string[] = ['node_modules']
    const filter = (from: string) => {
      const name = from.slice(from.lastIndexOf(sep) + 1)
      if (name === 'node_modules') linked.push(from.slice(root.length))
      return name !== 'node_modules' && !LEFT_OUT.has(name)
    }
    for (const name of COPIED) await cp(join(root, name), join(folder, name), { recursive: true, filter })
    for (const path of linked) await symlink(join(root, path), join(folder, path))
    return new WorkspaceCopy(folder)
  }

  async change(changes: Changes): Promise<void> {
    for (const [path, change] of Object.entries(changes)) {
      const file = join(this.#folder, path)
      const before = await readFile(file, 'utf8').catch(() => '')
      const after = change(before)
      if (after === before) throw new Error(`${path} is not changed`)
      await writeFile(file, after)
    }
  }

  /**
   * Runs tests of the copy.
   *
   * @param pattern of their names
   * @returns what they print, and whether all pass
   */
  async test(
    pattern: string,
    ...files: readonly string[]
  ): Promise<{ readonly passes: boolean; readonly output: string }> {
    const vitest = join(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))), 'vitest.mjs')
    const { NODE_OPTIONS: _, ...env } = process.env
    try {
      const args = [vitest, 'run', '--typecheck.enabled=false', '-t', pattern, ...files]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: this.#folder, env })
      return { passes: true, output: stdout }
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      return { passes: false, output: stdout + stderr }
    }
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}

/** Of these files, those that a section of docs/architecture.md does not name. */
export async function unnamedIn(section: string, files: readonly string[]): Promise<readonly string[]> {
  const text = await readFile(join(root, 'docs/architecture.md'), 'utf8')
  const [, rest] = text.split(`\n### ${section}\n`)
  if (rest === undefined) throw new Error(`docs/architecture.md has no section "${section}"`)
  const [part = ''] = rest.split(/\n##+ /)
  const named = [...part.matchAll(/`([^`]+)`/g)].map(([, path = '']) => patternOf(path))
  return files.filter(file => !named.some(pattern => pattern.test(file)))
}

/** A placeholder such as `<store>` stands for any name. */
const patternOf = (path: string) =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<\w+>/g, '[\\w-]+')}$`)
