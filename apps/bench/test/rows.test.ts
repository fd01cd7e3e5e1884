import { describe, expect, it } from 'vitest'
import { ROWS } from '../src/rows/index.js'
import { measureRow } from '../src/rows/measure.js'

describe.each(ROWS.filter(row => row.skipped?.() === undefined))('decisions: $title', row => {
  it('names Palisade first, and has somebody to compare it with', () => {
    expect(row.contestants[0]?.name).toMatch(/^palisade /)
    expect(row.contestants.length).toBeGreaterThan(1)
  })

  it('decides the same whoever decides', async () => {
    const sums: number[] = []
    for (const { prepare } of row.contestants) {
      const prepared = await prepare()
      sums.push(await prepared.run(50))
      await prepared.dispose?.()
    }
    // Of a limiter one contestant tells what is left and another what was used: of those only that
    // they decided at all.
    expect(sums.every(sum => sum > 0 || row.title.includes('ranges'))).toBe(true)
    if (!row.title.startsWith('fixed window')) expect(new Set(sums).size).toBe(1)
  })
})

describe('measuring a row', () => {
  it('gives each contestant one sample a round and disposes of it', async () => {
    const disposed: string[] = []
    const contestant = (name: string) => ({
      name,
      prepare: () => ({
        run: (decisions: number) => {
          let sum = 0
          for (let i = 0; i < decisions; i++) sum += i % 3
          return sum
        },
        dispose: () => {
          disposed.push(name)
        },
      }),
    })
    const row = { title: 'adding', contestants: [contestant('a'), contestant('b')] }
    const { contestants } = await measureRow(row, { rounds: 5, milliseconds: 1 })
    expect(contestants.map(({ name, samples }) => [name, samples.length])).toEqual([
      ['a', 5],
      ['b', 5],
    ])
    expect(disposed).toEqual(['a', 'b'])
  })

  it('disposes of what was prepared when another contestant fails', async () => {
    let disposed = false
    const fine = {
      name: 'fine',
      prepare: () => ({
        run: (decisions: number) => {
          let sum = 0
          for (let i = 0; i < decisions; i++) sum += i % 3
          return sum
        },
        dispose: () => {
          disposed = true
        },
      }),
    }
    const faulty = { name: 'faulty', prepare: () => Promise.reject(new Error('no set-up')) }
    const row = { title: 'failing', contestants: [fine, faulty] }
    await expect(measureRow(row, { rounds: 1, milliseconds: 1 })).rejects.toThrow('no set-up')
    expect(disposed).toBe(true)
  })
})
