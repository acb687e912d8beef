/** What the serial line of a guest says of its tests. Pure. */

export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Why it is not simply what the guest counted. */
  readonly complaint?: string
}

const TOTALS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/gm
const STATUS = /^vm: exit status (\d+)$/m
/** The first line of init.sh. */
export const BOOTED = /^vm: booted /m

/** A guest that died or was killed before it told its exit status counts as one failure, and as nothing else. */
export function outcomeOf(serial: string): Outcome {
  const status = STATUS.exec(serial)?.[1]
  if (status === undefined) {
    const when = BOOTED.test(serial) ? 'before its tests were over' : 'before it had booted'
    return { passed: 0, failed: 1, skipped: 0, complaint: `the guest ended ${when}` }
  }
  const [passed, failed, skipped] = ([...serial.matchAll(TOTALS)].at(-1) ?? []).slice(1).map(Number)
  if (passed === undefined || failed === undefined || skipped === undefined)
    return { passed: 0, failed: 1, skipped: 0, complaint: 'the guest told no totals' }
  if (status !== '0' && failed === 0)
    return { passed, failed: 1, skipped, complaint: `the tests ended with exit status ${status}` }
  return { passed, failed, skipped }
}
