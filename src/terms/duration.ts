/** Durations as people write them: `90`, `10m`, `1h30m`, `7d`. Shape: whole seconds. */

declare const brand: unique symbol
export type Seconds = number & { readonly [brand]: 'Seconds' }

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds of `1h30m` or of a bare number of seconds; undefined when it is neither. */
export function parseDuration(text: string): Seconds | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) as Seconds
  if (!/^(\d{1,9}[smhdw])+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)([smhdw])/g)) total += Number(amount) * UNITS[unit!]!
  return Number.isSafeInteger(total) ? (total as Seconds) : undefined
}

/** `1h30m`, `10m`, `0s`: at most the two largest units that are not zero, for people. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [unit, size] of Object.entries(UNITS).reverse()) {
    if (unit === 'w') continue
    if (rest < size || parts.length === 2) continue
    parts.push(`${Math.floor(rest / size)}${unit}`)
    rest %= size
  }
  return parts.join('') || '0s'
}
