/** A history of very many flies, by the schema of whatever version and by SQL: a million in some seconds. */
import { DatabaseSync } from 'node:sqlite'

const HOUR = 3_600_000

/** The n-th of them is locked out for an hour and n tenths of a second. */
export function flyOf(n: number): string {
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
}

export function untilOf(n: number, began: number): number {
  return began + HOUR + n * 100
}

/** Makes the file; more rows by `more`. */
export function remember(
  file: string,
  {
    migrations,
    flies,
    began,
    more = '',
  }: { migrations: readonly string[]; flies: number; began: number; more?: string },
): void {
  using sqlite = new DatabaseSync(file)
  sqlite.exec(`PRAGMA journal_mode = WAL; ${migrations.join(';')}; PRAGMA user_version = ${migrations.length}; BEGIN;
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ${flies - 1})
    INSERT INTO lockout (source, tried, number, from_port, detail, hook, because, since, until, times)
    SELECT '10.' || (n >> 16) || '.' || (n >> 8 & 255) || '.' || (n & 255), 'tcp', 81, 40000, 2, 'input', 'closed-port',
      ${began}, ${untilOf(0, began)} + n * 100, 1 FROM number;
    ${more} COMMIT`)
}
