/** `1h 0m 0s`, as the seed writes it; days come in front. */
export function formatUptime(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const days = Math.floor(seconds / 86_400)
  const rest = `${Math.floor((seconds % 86_400) / 3600)}h ${Math.floor((seconds % 3600) / 60)}m ${seconds % 60}s`
  return days === 0 ? rest : `${days}d ${rest}`
}
