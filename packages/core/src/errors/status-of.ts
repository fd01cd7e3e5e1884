import { read } from './read.js'

/** The 4xx or 5xx status that an error carries, as Express, Koa, Fastify and Hono read it. */
export function statusOf(error: unknown): number | undefined {
  return [read(error, 'status'), read(error, 'statusCode')].find(isFailure)
}

/** Whether a value is the status of a refusal or an error. */
export function isFailure(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599
}
