/** `Vary` with one more member; `*` stays alone (RFC 9110 section 12.5.5). */
export function mergeVary(existing: string | undefined, added: string): string {
  if (existing === undefined || existing === '') return added
  const present = existing.split(',').map(member => member.trim().toLowerCase())
  if (present.includes('*') || added.trim() === '*') return '*'
  const missing = added
    .split(',')
    .map(member => member.trim())
    .filter(member => !present.includes(member.toLowerCase()))
  return missing.length === 0 ? existing : `${existing}, ${missing.join(', ')}`
}
