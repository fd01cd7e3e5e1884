import { RequestError } from '@palisade/core'

export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
}

/** The demo's business: what its handlers do once a request is let through. */
export function orderBook() {
  const orders = new Map<string, Order>([
    ['1', { id: '1', item: 'anvil', quantity: 2 }],
    ['2', { id: '2', item: 'rope', quantity: 10 }],
  ])
  return {
    list: () => ({ data: [...orders.values()] }),

    /** @throws RequestError 404 */
    get(id: string): Order {
      const order = orders.get(id)
      if (order === undefined) throw new RequestError(404, 'The requested resource was not found')
      return order
    },

    /** @throws RequestError 422 naming the faulty fields; 409 when the book is full */
    create(input: unknown): Order {
      const { item, quantity } = checkOrder(input)
      if (orders.size >= 1000) throw new RequestError(409, 'The demo keeps at most 1000 orders')
      const order = { id: String(orders.size + 1), item, quantity }
      orders.set(order.id, order)
      return order
    },
  }
}

export type OrderBook = ReturnType<typeof orderBook>

interface FaultyField {
  readonly field: string
  readonly message: string
}

function checkOrder(input: unknown): Omit<Order, 'id'> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid([{ field: '', message: 'must be an object with item and quantity' }])
  }
  const { item, quantity, ...unknown } = input as Record<string, unknown>
  const faults: FaultyField[] = Object.keys(unknown).map(field => ({ field, message: 'is not known' }))
  if (typeof item !== 'string' || item.length < 1 || item.length > 100) {
    faults.push({ field: 'item', message: 'must be a string of 1 to 100 characters' })
  }
  if (!Number.isSafeInteger(quantity) || (quantity as number) < 1 || (quantity as number) > 1000) {
    faults.push({ field: 'quantity', message: 'must be a whole number from 1 to 1000' })
  }
  if (faults.length > 0) throw invalid(faults)
  return { item: item as string, quantity: quantity as number }
}

const invalid = (fields: readonly FaultyField[]) =>
  new RequestError(422, 'Request validation failed', { details: { fields } })

/** For `GET /api/slow?ms=`: answers late. @throws RequestError 422 */
export async function slow(ms: unknown): Promise<{ waited: number }> {
  const wait = Number(ms ?? 100)
  if (!Number.isInteger(wait) || wait < 0 || wait > 10_000 || ms === '') {
    throw invalid([{ field: 'ms', message: 'must be whole milliseconds from 0 to 10000' }])
  }
  await new Promise(resolve => setTimeout(resolve, wait))
  return { waited: wait }
}

/** For `GET /api/boom`: a handler that fails. */
export function boom(): never {
  throw new Error('the demo was asked to fail')
}

/** A body that could not be read as JSON, whatever the host calls it. */
export const notJson = () => new RequestError(400, 'The request body is not valid JSON')
