import {
  ConfigError,
  EventBus,
  type Middleware,
  type Pipeline,
  type PipelineOptions,
  pipeline,
} from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { memoryLogger } from '../support/memory-logger.js'

/** Notes each call of its hooks, and refuses every request until it is closed. */
function wall(name: string, calls: string[], fails: readonly ('setup' | 'cleanup' | 'dispose')[] = []) {
  let isClosed = false
  let setups = 0
  const note = (what: 'setup' | 'cleanup' | 'dispose', suffix = '') => {
    calls.push(`${what} ${name}${suffix}`)
    if (fails.includes(what)) throw new Error(`${what} of ${name} failed`)
  }
  return {
    name,
    onRequest: ctx =>
      isClosed ? undefined : ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no', reason: 'a wall' }),
    setup() {
      const number = ++setups
      note('setup', ` ${number}`)
      return () => note('cleanup', ` ${number}`)
    },
    async dispose() {
      isClosed = true
      note('dispose')
    },
  } satisfies Middleware
}

/** Lets every request through. */
const open = (name: string, calls: string[], fails: readonly ('setup' | 'cleanup' | 'dispose')[] = []) => {
  const { onRequest, ...hooks } = wall(name, calls, fails)
  return { ...hooks, onRequest() {} } satisfies Middleware
}

const edgeOf = (middleware: Middleware, options: PipelineOptions = {}): Pipeline => {
  const edge = pipeline({ logger: memoryLogger(), ...options }).use(middleware)
  edge.compile()
  return edge
}

const settled = () => new Promise(resolve => setImmediate(resolve))

describe('one middleware in two unrelated pipelines', () => {
  it('given both run, when one is disposed of, then the other is still protected, and the second closes it, once', async () => {
    const calls: string[] = []
    const shared = wall('shared', calls)
    const [first, second] = [edgeOf(shared), edgeOf(shared)]
    expect(calls.splice(0)).toEqual(['setup shared 1', 'setup shared 2'])
    await first.dispose()
    expect(calls.splice(0)).toEqual(['cleanup shared 1'])
    expect((await inject(second)).status).toBe(403)
    await second.dispose()
    await Promise.all([first.dispose(), second.dispose()])
    expect(calls).toEqual(['cleanup shared 2', 'dispose shared'])
  })

  it('given both run, when both are disposed of at once, then it is closed once, behind both cleanups', async () => {
    const calls: string[] = []
    const shared = wall('shared', calls)
    const edges = [edgeOf(shared), edgeOf(shared)]
    calls.length = 0
    await Promise.all(edges.map(edge => edge.dispose()))
    expect(calls).toEqual(['cleanup shared 1', 'cleanup shared 2', 'dispose shared'])
  })

  it('given the other one never ran, when it is disposed of, then what runs stays open', async () => {
    const calls: string[] = []
    const shared = wall('shared', calls)
    const edge = edgeOf(shared)
    await pipeline().use(shared).dispose()
    expect(calls).toEqual(['setup shared 1'])
    expect((await inject(edge)).status).toBe(403)
  })

  it('given both are disposed of, when it is mounted on a third, then that does not compile', async () => {
    const shared = open('shared', [])
    for (const edge of [edgeOf(shared), edgeOf(shared)]) await edge.dispose()
    expect(() => edgeOf(shared)).toThrow(
      'pipeline.compile: option "middleware" is "shared"; allowed: one that is not disposed of',
    )
  })

  it('given one without dispose, when its pipelines are gone, then another one may have it', async () => {
    const calls: string[] = []
    const { dispose, ...shared } = open('shared', calls)
    await edgeOf(shared).dispose()
    await edgeOf(shared).dispose()
    expect(calls).toEqual(['setup shared 1', 'cleanup shared 1', 'setup shared 2', 'cleanup shared 2'])
  })

  it('given two copies of it, when one is closed, then the other is open, since it is a middleware of its own', async () => {
    const calls: string[] = []
    const original = open('shared', calls)
    const first = edgeOf(original)
    const second = edgeOf({ ...original })
    await first.dispose()
    expect(() => edgeOf({ ...original })).not.toThrow()
    await second.dispose()
    expect(calls.filter(call => call === 'dispose shared')).toHaveLength(2)
  })
})

describe('one middleware in several pipelines of one start', () => {
  const several = (calls: string[]) => {
    const shared = open('shared', calls)
    const start = pipeline()
    const edges = [start.use(shared), start.use(shared), start.branch().use(shared)] as const
    for (const edge of edges) edge.compile()
    return edges
  }

  it('given they run, then it is told of their services once', () => {
    const calls: string[] = []
    several(calls)
    expect(calls).toEqual(['setup shared 1'])
  })

  it('given they run, when they are disposed of one by one, then the last one cleans up and closes', async () => {
    const calls: string[] = []
    const [left, right, branch] = several(calls)
    calls.length = 0
    await left.dispose()
    await branch.dispose()
    expect(calls).toEqual([])
    await right.dispose()
    expect(calls).toEqual(['cleanup shared 1', 'dispose shared'])
  })
})

describe('a setup that throws', () => {
  it('given another pipeline runs what was set up, when it throws, then that is cleaned up for the failed one and stays open', async () => {
    const calls: string[] = []
    const shared = wall('shared', calls)
    const running = edgeOf(shared)
    calls.length = 0
    const failed = pipeline()
      .use(shared)
      .use(open('broken', calls, ['setup']))
    expect(() => failed.compile()).toThrow('setup of broken failed')
    await settled()
    await failed.dispose()
    expect(calls).toEqual(['setup shared 2', 'setup broken 1', 'dispose broken', 'cleanup shared 2'])
    expect((await inject(running)).status).toBe(403)
  })

  it('given it is in use elsewhere, when its setup throws, then it is open for the pipeline that has it', async () => {
    const calls: string[] = []
    let isFirst = true
    const choosy = wall('choosy', calls)
    const { setup } = choosy
    choosy.setup = () => {
      if (!isFirst) throw new Error('one pipeline only')
      isFirst = false
      return setup()
    }
    const running = edgeOf(choosy)
    expect(() => edgeOf(choosy)).toThrow('one pipeline only')
    await settled()
    expect((await inject(running)).status).toBe(403)
    await running.dispose()
    expect(calls).toEqual(['setup choosy 1', 'cleanup choosy 1', 'dispose choosy'])
  })
})

it.each([
  ['a number', () => 7, 'is 7; allowed: a function that returns nothing or a cleanup function'],
  ['a promise', () => Promise.reject(new Error('late')), 'is a Promise; allowed: a function that is done'],
])('given a setup that returns %s, when it is compiled, then it is refused', (_, setup, says) => {
  const odd = { name: 'odd', setup: setup as unknown as () => undefined }
  expect(() => edgeOf(odd)).toThrow(`pipeline.use(odd): option "setup" ${says}`)
})

it('given a setup that returns what a bus returns, when the pipeline is disposed of, then it listens no more', async () => {
  const events = new EventBus(memoryLogger())
  const edge = edgeOf({ name: 'listener', setup: () => events.on('request:end', () => {}) }, { events })
  expect(events.has('request:end')).toBe(true)
  await edge.dispose()
  expect(events.has('request:end')).toBe(false)
})

it('given the team disposes of a middleware itself, when its pipelines are disposed of, then they call it too, once', async () => {
  const calls: string[] = []
  const shared = open('shared', calls)
  const edges = [edgeOf(shared), edgeOf(shared)]
  calls.length = 0
  await shared.dispose()
  for (const edge of edges) await edge.dispose()
  expect(calls).toEqual(['dispose shared', 'cleanup shared 1', 'cleanup shared 2', 'dispose shared'])
})

describe('a frozen middleware', () => {
  it('given it has a dispose, when it is used, then it is refused, since it cannot carry its count', () => {
    const use = () => pipeline().use(Object.freeze(open('icy', [])))
    expect(use).toThrow(ConfigError)
    expect(use).toThrow('pipeline.use(icy): option "middleware" is "frozen"; allowed: an object that is not')
  })

  it('given it has neither setup nor dispose, when it is used, then it runs', async () => {
    const edge = pipeline().use(Object.freeze({ name: 'icy', onRequest() {} }))
    expect((await inject(edge)).status).toBe(200)
  })
})

describe('branches', () => {
  const tree = (calls: string[], fails: readonly string[] = []) => {
    const named = (name: string) => open(name, calls, fails.includes(name) ? ['dispose'] : [])
    const root = pipeline({ logger: memoryLogger() }).use(named('a')).use(named('b'))
    const early = root.branch().use(named('early'))
    const late = root.branch().use(named('late 1')).use(named('late 2'))
    const inner = late.branch().use(named('inner'))
    for (const one of [early, inner]) one.compile()
    calls.length = 0
    return { root, early, late, inner }
  }
  const disposals = (calls: readonly string[]) => calls.filter(call => call.startsWith('dispose'))

  it('given compiled branches, when the root is disposed of, then they are closed in front of it, the last one first', async () => {
    const calls: string[] = []
    const { root } = tree(calls)
    await root.dispose()
    expect(disposals(calls)).toEqual([
      'dispose inner',
      'dispose late 2',
      'dispose late 1',
      'dispose early',
      'dispose b',
      'dispose a',
    ])
  })

  it('given a branch is disposed of alone, then the root runs on, and closes the rest later', async () => {
    const calls: string[] = []
    const { root, early, late } = tree(calls)
    await late.dispose()
    expect(disposals(calls)).toEqual(['dispose inner', 'dispose late 2', 'dispose late 1'])
    expect([(await inject(late)).status, (await inject(early)).status]).toEqual([503, 200])
    calls.length = 0
    await root.dispose()
    expect(disposals(calls)).toEqual(['dispose early', 'dispose b', 'dispose a'])
  })

  it('given a branch that failed to close, when the root is disposed of later, then that failure is not told again', async () => {
    const { root, early } = tree([], ['early'])
    await expect(early.dispose()).rejects.toThrow('dispose of early failed')
    await expect(root.dispose()).resolves.toBeUndefined()
  })

  it('given a branch that is closing, when the root is disposed of, then it waits for the branch', async () => {
    let go = () => {}
    const calls: string[] = []
    const root = pipeline().use(open('a', calls))
    const slow = open('slow', calls)
    const branch = root.branch().use({ ...slow, dispose: () => new Promise<void>(resolve => (go = resolve)) })
    branch.compile()
    calls.length = 0
    const both = [branch.dispose(), root.dispose()]
    await settled()
    expect(disposals(calls)).toEqual([])
    go()
    await Promise.all(both)
    expect(disposals(calls)).toEqual(['dispose a'])
  })

  it('given a request that waits in a branch, when the root begins to close another one, then it reaches no further middleware', async () => {
    let go = () => {}
    const seen: string[] = []
    const root = pipeline({ logger: memoryLogger() })
    const branch = root
      .branch()
      .use({ name: 'waiting', onRequest: () => new Promise<void>(resolve => (go = resolve)) })
      .use({ name: 'behind', onRequest: () => void seen.push('behind') })
    const slow = root.branch().use({ ...open('slow', []), dispose: () => new Promise<void>(() => {}) })
    const response = inject(branch)
    slow.compile()
    await settled()
    void root.dispose()
    go()
    expect([(await response).status, seen]).toEqual([503, []])
  })

  it('given some that fail to close, when the root is disposed of, then all are closed, and one error has all of theirs', async () => {
    const calls: string[] = []
    const { root } = tree(calls, ['inner', 'early', 'a'])
    const error = await root.dispose().catch(thrown => thrown)
    expect(error).toBeInstanceOf(AggregateError)
    expect(error.errors.map(String)).toEqual([
      'Error: dispose of inner failed',
      'Error: dispose of early failed',
      'Error: dispose of a failed',
    ])
    expect(disposals(calls)).toHaveLength(6)
  })

  it('given a root that was disposed of, when a branch of it is compiled, then that is refused and sets up nothing', async () => {
    const calls: string[] = []
    const { root } = tree(calls)
    await root.dispose()
    calls.length = 0
    expect(() => root.branch().use(open('new', calls)).compile()).toThrow(
      'pipeline.compile: option "parent" is "disposed of"; allowed: one that is not disposed of',
    )
    expect(calls).toEqual([])
  })
})

it('given a cleanup and a dispose that fail, when disposed, then both are tried, and the error has both', async () => {
  const calls: string[] = []
  const edge = edgeOf(open('stuck', calls, ['cleanup', 'dispose']))
  const error = await edge.dispose().catch(thrown => thrown)
  expect(error.errors.map(String)).toEqual([
    'Error: cleanup of stuck failed',
    'Error: dispose of stuck failed',
  ])
  await expect(edge.dispose()).rejects.toBe(error)
})
