/** What may be done to a resource. */
export type Action = 'read' | 'create' | 'update' | 'delete'

export const ACTIONS = ['read', 'create', 'update', 'delete'] as const satisfies readonly Action[]

/** One bit an action; the same bits, shifted, deny. */
export const BIT: Readonly<Record<Action, number>> = { read: 1, create: 2, update: 4, delete: 8 }
export const ALL = 15
export const DENY = 4

export function isAction(value: unknown): value is Action {
  return (ACTIONS as readonly unknown[]).includes(value)
}

/**
 * What a request's method does; `undefined` for one that is not known, of which nothing is known to
 * be harmless.
 */
export function actionOf(method: string): Action | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return 'read'
    case 'POST':
      return 'create'
    case 'PUT':
    case 'PATCH':
      return 'update'
    case 'DELETE':
      return 'delete'
    default:
      return undefined
  }
}
