import { RequestError } from '@palisade/core'
import type { FaultyField } from '@palisade/core/admin'

/** The same words whatever is not there, or not for this caller; an id that is none is named. */
export const notFound = (...fields: readonly FaultyField[]) =>
  new RequestError(
    404,
    'The requested resource was not found',
    fields.length === 0 ? {} : { details: { fields } },
  )
