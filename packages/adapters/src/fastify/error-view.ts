import { type HostView, inspectable } from '@palisade/core/host'
import type { FastifyReply } from 'fastify'

/** One fault of a request as Fastify's validators report it; the form is that of Ajv. */
interface Fault {
  readonly instancePath?: unknown
  readonly message?: unknown
  readonly params?: Readonly<Record<string, unknown>>
}

interface FastifyFailure {
  readonly code?: unknown
  readonly message?: unknown
  readonly validation?: unknown
  readonly validationContext?: unknown
}

const MOST_FAULTS = 20
const LONGEST_TEXT = 200

/**
 * What Fastify's own answer to an error has besides: the status of the reply, the faults of a
 * schema, its own messages.
 */
export function viewOf(thrown: unknown, reply: FastifyReply): HostView {
  const { statusCode } = reply
  const status = statusCode >= 400 && statusCode <= 599 ? statusCode : undefined
  const error = (inspectable(thrown) ?? {}) as FastifyFailure
  if (Array.isArray(error.validation) && error.validation.length > 0)
    return {
      status: status ?? 400,
      code: 'VALIDATION_ERROR',
      message: 'The request is not valid',
      details: { fields: fieldsOf(error.validation, error.validationContext) },
    }
  return { status, message: isOfFastify(error) ? error.message : undefined }
}

/**
 * The messages of Fastify's own refusals hold nothing of the application's. Of its 500s they may.
 */
function isOfFastify(error: FastifyFailure): error is FastifyFailure & { message: string } {
  const { code, message, statusCode } = error as FastifyFailure & { statusCode?: unknown }
  return (
    typeof code === 'string' &&
    code.startsWith('FST_ERR_') &&
    typeof message === 'string' &&
    typeof statusCode === 'number' &&
    statusCode < 500
  )
}

function fieldsOf(faults: readonly Fault[], context: unknown): readonly object[] {
  return faults.slice(0, MOST_FAULTS).map(fault => ({
    field: fieldOf(fault),
    ...(typeof context === 'string' && { in: context }),
    message: cut(typeof fault?.message === 'string' ? fault.message : 'is not valid'),
  }))
}

/** `/items/0/name` as `items[0].name`, with the name of a property that is missing or too many. */
function fieldOf(fault: Fault): string {
  const path = typeof fault?.instancePath === 'string' ? fault.instancePath : ''
  const named = fault?.params?.['missingProperty'] ?? fault?.params?.['additionalProperty']
  const steps = path.split('/').slice(1).map(unescaped)
  if (typeof named === 'string') steps.push(named)
  return cut(steps.reduce((text, step) => (/^\d+$/.test(step) ? `${text}[${step}]` : joined(text, step)), ''))
}

const joined = (text: string, step: string) => (text === '' ? step : `${text}.${step}`)

/** RFC 6901 section 3. */
const unescaped = (step: string) => step.replaceAll('~1', '/').replaceAll('~0', '~')

const cut = (text: string) => text.slice(0, LONGEST_TEXT)
