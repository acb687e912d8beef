/** What the history needs of a database: the port that system/sqlite.ts stands behind. */
export type Value = string | number | null
/** By name, or one after the other, which is quicker. */
export type Parameters = readonly Value[] | readonly [Readonly<Record<string, Value>>]
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  /** Tells how many rows it changed. */
  run(...parameters: Parameters): number
  get(...parameters: Parameters): Row | undefined
  all(...parameters: Parameters): Row[]
  /** The same, of each row the values alone: less work where there are very many. */
  values(...parameters: Parameters): unknown[][]
}

export interface Database extends Disposable {
  prepare(sql: string): Statement
  prepareAll<Name extends string>(queries: Readonly<Record<Name, string>>): Record<Name, Statement>
  /** Reads row by row as the caller takes them, so that a million rows need no memory. */
  each(sql: string, ...parameters: Parameters): Iterable<Row>
  /** Resolves when what was committed so far is on the disk. */
  sync(): Promise<void>
  /** All of it or, when it throws, nothing. */
  transaction<T>(work: () => T): T
}
