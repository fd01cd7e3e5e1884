import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { NodesRequests } from '../src/hono/nodes-requests.js'

/**
 * A copy of `@hono/node-server`: each has symbols of its own, and makes `Headers` when they are
 * asked for.
 */
function serverCopy() {
  const incomingKey = Symbol('incomingKey')
  const headersKey = Symbol('headersKey')
  class Made {
    readonly [incomingKey]: object;
    [headersKey]: Headers | undefined
    constructor(incoming: object) {
      this[incomingKey] = incoming
    }
    get headers(): Headers {
      this[headersKey] ??= new Headers()
      return this[headersKey]
    }
  }
  return (incoming: object) => {
    const made = new Made(incoming)
    // As the server does, whose objects have the property only when it was asked for.
    Reflect.deleteProperty(made, headersKey)
    return made as unknown as Request
  }
}

test('given two copies of the server when the application changes a header then it is seen of both', () => {
  const requests = new NodesRequests()
  const copies = [serverCopy(), serverCopy()]
  for (const make of [...copies, ...copies]) {
    const incoming = {} as IncomingMessage
    const raw = make(incoming)
    expect(requests.ownHeaders(raw, incoming)).toBeUndefined()
    raw.headers.set('authorization', 'Bearer a')
    expect(requests.ownHeaders(raw, incoming)?.get('authorization')).toBe('Bearer a')
  }
})
