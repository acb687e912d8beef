/** How a test counts in the totals of test/run.ts. */

/** What the runner reports of one test, as `test:pass` and `test:fail` events carry it. */
export interface Reported {
  readonly passed: boolean
  readonly name: string
  /** Where the test is written: not the file that was run where that calls another one. */
  readonly file?: string | undefined
  readonly entryFile?: string | undefined
  readonly type?: string | undefined
  readonly skip?: string | boolean | undefined
  readonly todo?: string | boolean | undefined
  /** What it threw, as the runner wraps it. */
  readonly error?: unknown
}

export interface Counted {
  readonly as: 'passed' | 'failed' | 'skipped'
  /** Why it failed. */
  readonly because?: string
}

/**
 * Undefined for a suite, which only groups. In CI a test may be skipped only for a reason that begins with
 * `outside CI:`. A file without tests counts as failed: the runner reports it as a test of the file's name.
 */
export function count(test: Reported, ci: boolean): Counted | undefined {
  const reason = test.skip || test.todo
  if (reason) {
    if (!ci || String(reason).startsWith('outside CI:')) return { as: 'skipped' }
    const said = reason === true ? 'without a reason' : `because "${reason}"`
    return { as: 'failed', because: `skipped in CI ${said}, which does not begin with "outside CI:"` }
  }
  if (test.type === 'suite') return undefined
  if (!test.passed) return { as: 'failed', because: saidBy(test.error) }
  if (test.name === test.file) return { as: 'failed', because: 'this file holds no test' }
  return { as: 'passed' }
}

/** Of a listing that differs, or of a daemon that said a lot, the beginning and the end tell most. */
const SAID_MAX = 1500

function saidBy(error: unknown): string {
  const { cause = error } = error instanceof Error ? error : {}
  const said = cause instanceof Error ? cause.message : String(cause)
  return said.length <= 2 * SAID_MAX ? said : `${said.slice(0, SAID_MAX)}\n[…]\n${said.slice(-SAID_MAX)}`
}
