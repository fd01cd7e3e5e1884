import {
  type EmittedEvent,
  type EventName,
  type Logger,
  type PipelineOptions,
  pipeline,
  Reply,
  trustedProxies,
} from '@palisade/core'
import { fakeClock, type InjectedRequest, type InjectedResponse, inject } from '@palisade/core/testing'
import { type FailbanOptions, failban, violation } from '../../src/index.js'

export const NOW = 1_700_000_000_000
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A pipeline with bans in front, behind the proxy 10.0.0.1, on a clock that stands still. */
export function yard(options: FailbanOptions = {}, services: PipelineOptions = {}) {
  const clock = fakeClock(NOW)
  const logs: string[] = []
  const note = (fields: object, message = '') => {
    const { err } = fields as { err?: { message?: string } }
    logs.push(err?.message === undefined ? message : `${message}: ${err.message}`)
  }
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note }
  const bans = failban({ allowOwnAddresses: false, ...options } as FailbanOptions)
  const edge = pipeline({ clock, logger, trust: trustedProxies(['10.0.0.0/8']), ...services }).use(bans)
  const told: EmittedEvent[] = []
  edge.events.on('*', (payload, name) => told.push({ name, payload } as EmittedEvent))
  edge.compile()

  /** A request from this address, through the proxy. */
  const visit = (ip: string, more: InjectedRequest = {}): Promise<InjectedResponse<object>> =>
    inject(edge, { peer: '10.0.0.1', ...more, headers: { 'x-forwarded-for': ip, ...more.headers } })

  /** Requests whose handler speaks against the client. */
  const offend = async (ip: string, times = 1, source = 'auth', weight = 1): Promise<void> => {
    for (let i = 0; i < times; i++)
      await visit(ip, {
        handler(ctx) {
          violation(ctx, { source, weight })
          return new Reply(200)
        },
      })
  }

  const miss = (ip: string, url: string, more: InjectedRequest = {}) =>
    visit(ip, { url, handler: new Reply(404), ...more })

  const eventsOf = (name: EventName) =>
    told.filter(event => event.name === name).map(({ payload }) => payload)
  const statusOf = async (ip: string) => (await visit(ip)).status
  return { bans, edge, clock, logs, told, visit, offend, miss, eventsOf, statusOf }
}
