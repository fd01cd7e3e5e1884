import type { Behaviour } from './behaviour.js'
import type { Host } from './hosts/host.js'

export type Mark = 'pass' | 'FAIL' | 'n/a'

/** What came of every behaviour on every host. */
export class Matrix {
  private readonly marks = new Map<string, Mark>()

  set(behaviour: Behaviour, host: Host, mark: Mark): void {
    this.marks.set(`${host.name}\n${behaviour.title}`, mark)
  }

  print(behaviours: readonly Behaviour[], hosts: readonly Host[]): string {
    const width = Math.max(...hosts.map(({ name }) => name.length)) + 2
    const row = (cells: readonly string[], title: string) =>
      `${cells.map(cell => cell.padEnd(width)).join('')}${title}`
    const ran = behaviours.filter(({ title }) =>
      hosts.some(({ name }) => this.marks.has(`${name}\n${title}`)),
    )
    const cells = (title: string) => hosts.map(({ name }) => this.marks.get(`${name}\n${title}`) ?? '-')
    const all = ran.flatMap(({ title }) => cells(title))
    const count = (mark: Mark) => all.filter(one => one === mark).length
    return [
      row(
        hosts.map(({ name }) => name),
        '',
      ),
      ...ran.map(({ title }) => row(cells(title), title)),
      `${ran.length} behaviours on ${hosts.length} hosts: ${count('pass')} pass, ${count('FAIL')} fail, ${count('n/a')} n/a`,
    ].join('\n')
  }
}
