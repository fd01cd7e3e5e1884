import { type Check, text } from '@palisade/core/middleware'

const LONGEST = 500
const ONE_LINE = /^[^\x00-\x1f\x7f]+$/

/** Why a person bans, as logs, lists and a refusal that explains itself may show it. */
export const banReason: Check<string> = text({
  max: LONGEST,
  pattern: ONE_LINE,
  allowed: 'text of 1 to 500 characters on one line',
})

export const isBanReason = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LONGEST && ONE_LINE.test(value)
