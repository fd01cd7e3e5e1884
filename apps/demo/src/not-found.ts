import { RequestError } from '@palisade/core'
import type { FaultyField } from '@palisade/core/admin'

/**
 * One text for rows that do not exist and for rows of another caller. A malformed id is named in
 * `fields`.
 */
export const notFound = (...fields: readonly FaultyField[]) =>
  new RequestError(
    404,
    'The requested resource was not found',
    fields.length === 0 ? {} : { details: { fields } },
  )
