import type {} from '@palisade/core'
import type { RequestFacts } from '@palisade/core/middleware'

declare module '@palisade/core' {
  interface PalisadeEvents {
    /** A guard refused, or in shadow mode would have. An enforced one is a `request:denied` too. */
    'guard:refused': RequestFacts & {
      readonly ip: string | undefined
      readonly guard: string
      /** `identity.subject`; `undefined` if no caller is identified. */
      readonly subject: string | undefined
      readonly status: number
      readonly code: string
      readonly reason: string
      readonly missing: readonly string[]
      readonly shadow: boolean
    }
  }
}
