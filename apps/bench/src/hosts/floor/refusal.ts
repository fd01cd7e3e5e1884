/** The body of a 429, in the same form as Palisade's. */
export const refusal = (id: string, now: number, retryAfter: number) => ({
  error: {
    code: 'RATE_LIMITED',
    message: 'Too many requests',
    timestamp: new Date(now).toISOString(),
    request_id: id,
    retry_after: retryAfter,
  },
})
