// Words for numbers, as components/format.ts says them.
export const nbsp = '\u00a0'
export const sizeText = (value) => {
  if (value < 1000) return `${value}${nbsp}bytes`
  const units = ['KB', 'MB', 'GB', 'TB']
  let size = value / 1000
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size >= 99.5 || unit === 0 ? Math.round(size) : size.toFixed(1)}${nbsp}${units[unit]}`
}
export const spanText = (seconds) => {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))}${nbsp}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${nbsp}min`
  return `${Math.floor(seconds / 3600)}${nbsp}h`
}
