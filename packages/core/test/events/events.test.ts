import { describe, expect, it } from 'vitest'
import { ConfigError, EventBus, type PalisadeEvents } from '../../src/index.js'
import { memoryLogger } from '../support/memory-logger.js'

const created: PalisadeEvents['resource:created'] = { resource: 'orders', id: '1' }
const login: PalisadeEvents['user:login'] = { subject: 'u1', strategy: 'jwt', ip: undefined }
const bus = () => new EventBus(memoryLogger())

/** Lets promises that have settled be handled. */
const settled = () => new Promise(resolve => setImmediate(resolve))

describe('who hears an event', () => {
  it('given names, prefixes and *, when an event is emitted, then each that matches is called, in the order of on()', () => {
    const events = bus()
    const heard: string[] = []
    for (const pattern of ['*', 'resource:*', 'resource:created', 'resource:updated', 'user:*'] as const)
      events.on(pattern, (_payload: unknown, name: string) => heard.push(`${pattern} ${name}`))
    events.emit('resource:created', created)
    expect(heard).toEqual([
      '* resource:created',
      'resource:* resource:created',
      'resource:created resource:created',
    ])
  })

  it('given a listener, when an event is emitted, then it has been called before emit returns, with the very payload', () => {
    const events = bus()
    let heard: unknown
    events.on('resource:created', payload => {
      heard = payload
    })
    events.emit('resource:created', created)
    expect(heard).toBe(created)
  })

  it('given nobody, somebody, and nobody again, when has() is asked, then it says so, by wildcard too', () => {
    const events = bus()
    expect(events.has('user:login')).toBe(false)
    const off = events.on('user:*', () => {})
    expect(events.has('user:login')).toBe(true)
    expect(events.has('resource:created')).toBe(false)
    off()
    expect(events.has('user:login')).toBe(false)
  })

  it('given a listener that comes after an event was emitted, when it is emitted again, then it hears it', () => {
    const events = bus()
    events.on('resource:created', () => {})
    events.emit('user:login', login)
    let heard = 0
    events.on('user:login', () => heard++)
    events.emit('user:login', login)
    expect(heard).toBe(1)
  })

  it.each(['', ':', 'resource', 'resource:', '*:created', 'resource:**', 'resource:cre*', 'a b:c', 'r*'])(
    'given the pattern "%s", which can match nothing, when it is used, then it is refused',
    pattern => {
      expect(() => bus().on(pattern as '*', () => {})).toThrow(ConfigError)
      expect(() => bus().stream(pattern as '*')).toThrow(ConfigError)
    },
  )
})

describe('what could never be heard is refused where it is said', () => {
  const loose = (events: EventBus) => events as unknown as Record<string, (...given: unknown[]) => unknown>

  it.each(['on', 'once', 'off'])(
    'given events.%s() without a listener, when it is called, then it is refused',
    name => {
      for (const listener of [undefined, null, 'log', {}, [() => {}]])
        expect(() => loose(bus())[name]?.('user:login', listener)).toThrow(
          new RegExp(`^events\\.${name}: option "listener" is .*; allowed: a function`),
        )
    },
  )

  it.each([
    [['user:login']],
    [Symbol('user:login')],
    [7],
    [null],
    [undefined],
    [{ toString: () => 'user:login' }],
  ])(
    'given the pattern %o, which is no text, when it is used, then it is refused and emitting goes on',
    pattern => {
      const events = bus()
      for (const name of ['on', 'once', 'off'])
        expect(() => loose(events)[name]?.(pattern, () => {})).toThrow(ConfigError)
      expect(() => loose(events)['stream']?.(pattern)).toThrow(ConfigError)
      expect(() => events.emit('user:login', login)).not.toThrow()
    },
  )

  it.each<[string, unknown, RegExp]>([
    ['on', null, /^events\.on: the options are null/],
    ['on', { once: true }, /^events\.on: option "once" is unknown; allowed: one of signal/],
    [
      'on',
      { signal: new AbortController() },
      /^events\.on: option "signal" is a AbortController; allowed: an AbortSignal/,
    ],
    ['once', { signal: true }, /^events\.once: option "signal" is true/],
    ['on', () => {}, /^events\.on: the options are a function/],
  ])(
    'given events.%s() with the options %o, when it is called, then they are refused',
    (name, options, says) => {
      expect(() => loose(bus())[name]?.('user:login', () => {}, options)).toThrow(says)
    },
  )

  it.each<[unknown, RegExp]>([
    [null, /^events\.stream: the options are null/],
    [{ limt: 5 }, /^events\.stream: option "limt" is unknown; .*did you mean "limit"/],
    [{ limit: '5' }, /^events\.stream: option "limit" is "5"/],
    [{ signal: {} }, /^events\.stream: option "signal"/],
  ])('given a stream with the options %o, when it is made, then they are refused', (options, says) => {
    expect(() => loose(bus())['stream']?.('*', options)).toThrow(says)
  })

  it('given a bus without a log, when it is made, then it is refused, as a listener that fails would throw into a request', () => {
    for (const logger of [undefined, null, {}, { error() {} }])
      expect(() => new EventBus(logger as never)).toThrow(/^EventBus: option "logger"/)
  })
})

describe('a listener that fails harms nobody', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('boom')
      },
    ],
    [
      'rejects with a promise of its own kind',
      () => ({
        then(_done: unknown, failed: (error: Error) => void) {
          failed(new Error('boom'))
        },
      }),
    ],
  ])(
    'given one that %s, when an event is emitted, then the others hear it and the failure is logged',
    async (_, listener) => {
      const logger = memoryLogger()
      const events = new EventBus(logger)
      let heard = 0
      events.on('user:login', listener)
      events.on('user:login', () => heard++)
      expect(() => events.emit('user:login', login)).not.toThrow()
      await settled()
      expect(heard).toBe(1)
      expect(logger.lines).toEqual([
        {
          level: 'error',
          fields: { err: expect.objectContaining({ message: 'boom' }), event: 'user:login' },
          message: 'an event listener failed',
        },
      ])
    },
  )
})

describe('a log that fails harms nobody', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no disk'))],
  ])(
    'given one that %s, when it is told of listeners that fail, then the others hear the event',
    async (_, log) => {
      const events = new EventBus({ debug: log, info: log, warn: log, error: log })
      let heard = 0
      events.on('user:login', () => {
        throw new Error('boom')
      })
      events.on('user:login', () => Promise.reject(new Error('boom')))
      events.on('user:login', () => heard++)
      expect(() => events.emit('user:login', login)).not.toThrow()
      await settled()
      expect(heard).toBe(1)
    },
  )
})

describe('how a listener leaves', () => {
  const leaving = (
    leave: (events: EventBus, listener: () => void, off: () => void, abort: () => void) => void,
  ) => {
    const events = bus()
    const controller = new AbortController()
    let heard = 0
    const listener = () => void heard++
    const off = events.on('user:login', listener, { signal: controller.signal })
    events.emit('user:login', login)
    leave(events, listener, off, () => controller.abort())
    events.emit('user:login', login)
    return heard
  }

  it('given off(), the returned function, or the signal, when it has left, then it hears no more', () => {
    expect(leaving(() => {})).toBe(2)
    expect(leaving((events, listener) => events.off('user:login', listener))).toBe(1)
    expect(leaving((_events, _listener, off) => off())).toBe(1)
    expect(leaving((_events, _listener, _off, abort) => abort())).toBe(1)
  })

  it('given a signal that was aborted before, when it is used, then nothing is added', () => {
    const events = bus()
    events.on('user:login', () => {}, { signal: AbortSignal.abort() })
    expect(events.has('user:login')).toBe(false)
  })

  it('given one listener twice, when one of the two leaves, then the other stays; off() removes both', () => {
    const events = bus()
    let heard = 0
    const listener = () => heard++
    const first = events.on('user:login', listener)
    events.on('user:login', listener)
    first()
    first()
    events.emit('user:login', login)
    expect(heard).toBe(1)
    events.on('user:login', listener)
    events.off('user:login', listener)
    expect(events.has('user:login')).toBe(false)
  })

  it('given another pattern or listener, when off() is called, then nothing leaves', () => {
    const events = bus()
    events.on('user:login', () => {})
    events.off('user:login', () => {})
    events.off('user:*', () => {})
    expect(events.has('user:login')).toBe(true)
  })

  it('given a long-lived signal, when listeners leave by off(), then they let go of it', () => {
    const events = bus()
    const { signal } = new AbortController()
    let attached = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...all: Parameters<typeof add>) => {
      attached++
      add(...all)
    }) as typeof add
    signal.removeEventListener = ((...all: Parameters<typeof remove>) => {
      attached--
      remove(...all)
    }) as typeof remove
    const listener = () => {}
    events.on('user:login', listener, { signal })
    expect(attached).toBe(1)
    events.off('user:login', listener)
    expect(attached).toBe(0)
  })

  it('given a listener that adds another, when it does so while an event is emitted, then the new one hears the next', () => {
    const events = bus()
    let heard = 0
    events.once('user:login', () => events.on('user:login', () => heard++))
    events.emit('user:login', login)
    expect(heard).toBe(0)
    events.emit('user:login', login)
    expect(heard).toBe(1)
  })
})

describe('once', () => {
  it('given once(), when the event comes twice, then it is heard once', () => {
    const events = bus()
    const heard: string[] = []
    events.once('user:*', (_, name) => heard.push(name))
    events.emit('user:login', login)
    events.emit('user:login', login)
    expect(heard).toEqual(['user:login'])
    expect(events.has('user:login')).toBe(false)
  })

  it('given a listener that emits the event again, when it comes, then once() is still heard once', () => {
    const events = bus()
    let heard = 0
    let depth = 0
    events.on('user:login', () => {
      if (depth++ === 0) events.emit('user:login', login)
    })
    events.once('user:login', () => heard++)
    events.emit('user:login', login)
    expect(heard).toBe(1)
  })

  it('given once(), when off() is called with the listener that was given, then it never hears it', () => {
    const events = bus()
    const listener = () => {
      throw new Error('heard')
    }
    events.once('user:login', listener)
    events.off('user:login', listener)
    expect(events.has('user:login')).toBe(false)
  })
})

describe('a stream of events', () => {
  const emit = (events: EventBus, ...ids: string[]) => {
    for (const id of ids) events.emit('resource:created', { resource: 'orders', id })
  }

  it('given a reader, when events come before and after it asks, then it gets them in order', async () => {
    const events = bus()
    const stream = events.stream('resource:*')
    emit(events, '1')
    expect(await stream.next()).toMatchObject({ value: { name: 'resource:created', payload: { id: '1' } } })
    const waiting = [stream.next(), stream.next()]
    emit(events, '2', '3')
    expect(await Promise.all(waiting)).toMatchObject([
      { value: { payload: { id: '2' } } },
      { value: { payload: { id: '3' } } },
    ])
  })

  it('given a reader that is too slow, when more than the limit wait, then the oldest are dropped and counted', async () => {
    const events = bus()
    const stream = events.stream('resource:*', { limit: 2 })
    emit(events, '1', '2', '3', '4')
    expect(stream.dropped).toBe(2)
    expect(await stream.next()).toMatchObject({ value: { payload: { id: '3' } } })
    expect(await stream.next()).toMatchObject({ value: { payload: { id: '4' } } })
  })

  it('given a loop, when it is left, then nobody listens any more', async () => {
    const events = bus()
    const stream = events.stream('resource:*')
    emit(events, '1', '2')
    const seen: unknown[] = []
    for await (const { payload } of stream) {
      seen.push(payload)
      break
    }
    expect(seen).toEqual([{ resource: 'orders', id: '1' }])
    expect(events.has('resource:created')).toBe(false)
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  it('given a signal, when it is aborted, then what waits is delivered and the loop ends', async () => {
    const events = bus()
    const controller = new AbortController()
    const stream = events.stream('resource:*', { signal: controller.signal })
    emit(events, '1')
    controller.abort()
    emit(events, '2')
    expect(events.has('resource:created')).toBe(false)
    const seen: unknown[] = []
    for await (const { payload } of stream) seen.push(payload)
    expect(seen).toEqual([{ resource: 'orders', id: '1' }])
  })

  it('given a reader that waits, when the signal is aborted, then it is let go', async () => {
    const controller = new AbortController()
    const stream = bus().stream('*', { signal: controller.signal })
    const waiting = stream.next()
    controller.abort()
    expect(await waiting).toEqual({ value: undefined, done: true })
  })

  it('given a signal that was aborted before, when a stream is made, then it is at its end', async () => {
    const events = bus()
    expect(await events.stream('*', { signal: AbortSignal.abort() }).next()).toMatchObject({ done: true })
    expect(events.has('user:login')).toBe(false)
  })

  it.each([0, -1, 1.5, 1_000_001, Number.NaN])(
    'given the limit %s, when a stream is made, then it is refused',
    limit => {
      expect(() => bus().stream('*', { limit })).toThrow(ConfigError)
    },
  )
})
