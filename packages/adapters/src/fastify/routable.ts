/**
 * Whether Fastify asks its hooks about a target. It answers 400 without them where the target cannot be decoded or is no path and no URL, and 414 where
 * a parameter is over `maxParamLength`.
 */
export function isRoutable(target: string, longestParameter: number): boolean {
  // An absolute URL may be one that Fastify takes, but strangers send it so seldom that it need not be known.
  if (target.charCodeAt(0) !== 47) return false
  const hasEscapes = target.includes('%')
  if (!hasEscapes && target.length <= longestParameter) return true
  const query = target.search(/[?#]/)
  const path = query < 0 ? target : target.slice(0, query)
  if (path.split('/').some(segment => segment.length > longestParameter)) return false
  if (!hasEscapes) return true
  try {
    decodeURI(path)
    return true
  } catch {
    return false
  }
}
