import { type Check, text } from '@palisade/core'

/** Why a person bans, as logs, lists and a refusal that explains itself may show it. */
export const banReason: Check<string> = text({
  max: 500,
  pattern: /^[^\x00-\x1f\x7f]+$/,
  allowed: 'text of 1 to 500 characters on one line',
})
