import type { PipelineOptions } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'
import type { ClientRequest } from './client/client.js'

/** Time stands still, so that bodies can be compared as bytes. */
export const still = (): PipelineOptions => ({ clock: fakeClock() })

/** The same for the id of requests, behind `requestId()`. */
export const same = (request: ClientRequest = {}): ClientRequest => ({
  ...request,
  headers: { 'X-Request-ID': 'same', ...request.headers },
})

/**
 * What `still` and `same` make of an error. `more`: the members between message and time, as they
 * are written.
 */
export const refusal = (code: string, message: string, more = ''): string =>
  `{"error":{"code":"${code}","message":"${message}",${more}"timestamp":"2023-11-14T22:13:20.000Z","request_id":"same"}}`

/** Fields that are at fault, each with what is wrong, written as JSON. */
export const invalid = (...fields: readonly (readonly [field: string, message: string])[]): string =>
  refusal(
    'VALIDATION_ERROR',
    'The request is not valid',
    `"details":{"fields":[${fields.map(([field, message]) => `{"field":"${field}","message":"${message}"}`).join(',')}]},`,
  )
