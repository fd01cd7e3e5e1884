import {
  type EmittedEvent,
  type Logger,
  type Pipeline,
  type PipelineOptions,
  pipeline,
  privateNetworks,
} from '@palisade/core'
import { type FakeClock, fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { type Health, type HealthOptions, health } from '../../src/index.js'

export interface Body {
  readonly status: string
  readonly ready?: boolean
  readonly timestamp: string
  readonly uptime: number
  readonly checks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface Scene {
  readonly probes: Health
  readonly clock: FakeClock
  readonly edge: Pipeline
  readonly changes: EmittedEvent<'health:changed'>['payload'][]
  readonly errors: unknown[]
  /** From loopback, so that details are seen, unless the request says otherwise. */
  get(url: string, request?: InjectedRequest): ReturnType<typeof inject>
  /** Status and body of a GET from loopback. */
  ask(url: string): Promise<{ status: number; body: Body }>
}

/** The texts of errors are shown inside, unless the options say otherwise. */
export function scene(options: HealthOptions = {}, more: PipelineOptions = {}): Scene {
  const clock = fakeClock()
  const errors: unknown[] = []
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (...line) => errors.push(line) }
  const probes = health({ authorize: privateNetworks(), ...options })
  const edge = pipeline({ clock, logger, production: true, ...more }).use(probes)
  const changes: EmittedEvent<'health:changed'>['payload'][] = []
  edge.events.on('health:changed', payload => changes.push(payload))
  edge.compile()
  const get: Scene['get'] = (url, request = {}) => inject(edge, { url, peer: '127.0.0.1', ...request })
  return {
    probes,
    clock,
    edge,
    changes,
    errors,
    get,
    async ask(url) {
      const { status, body } = await get(url)
      return { status, body: JSON.parse(body) as Body }
    },
  }
}

/** A promise that a test settles when it likes. */
export function deferred<T>(): {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  let resolve = (_value: T) => {}
  let reject = (_error: unknown) => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
