/** Looks at the trap when somebody may have changed it, and knows whether its table sleeps. */
import type { Log } from '../log/log.ts'
import { ASLEEP, type Audit } from './audit.ts'

export interface Watchfulness extends Disposable {
  /** Looks now; `who` may have changed it. */
  check(who: string): void
  /** The same for what the kernel has announced, and not more often than it is armed. */
  checkSoon(who: string): void
  /** Whether the table sleeps: to arm would wake it, and whatever of the administrator's sleeps in it. He is told once. */
  sleeps(why: string): boolean
  isAsleep(): boolean
}

export interface Watched {
  readonly audit: () => Audit
  readonly rearm: (why: string) => void
  readonly failed: (error: unknown) => void
  readonly log: Log
  /** Milliseconds between two looks. */
  readonly pace: number
}

export function openWatchfulness({ audit, rearm, failed, log, pace }: Watched): Watchfulness {
  let timer: NodeJS.Timeout | undefined
  let checkedAt = Number.NEGATIVE_INFINITY
  let isAsleep = false

  function sleeps(why: string, found = audit()): boolean {
    const wasAsleep = isAsleep
    isAsleep = found.isAsleep
    if (isAsleep && !wasAsleep) log.warn(`${why}: ${ASLEEP}`)
    return isAsleep
  }

  /** What was announced may have come while it was armed, and be taken for what cannot be set right. */
  function look(who: string, how?: 'announced'): void {
    clearTimeout(timer)
    timer = undefined
    checkedAt = performance.now()
    try {
      const wasAsleep = isAsleep
      const audited = audit()
      if (sleeps(`${who} has put the trap to sleep`, audited)) return
      const found = how === 'announced' ? audited.fault : audited.changed
      if (wasAsleep) rearm(`${who} has woken the trap`)
      else if (found !== undefined) rearm(`${who} has changed a part of the trap (${found})`)
    } catch (error) {
      failed(error)
    }
  }

  return {
    check: who => look(who),
    checkSoon(who) {
      const wait = checkedAt + pace - performance.now()
      if (wait <= 0) look(who, 'announced')
      else timer ??= setTimeout(look, wait, who, 'announced')
    },
    sleeps: why => sleeps(why),
    isAsleep: () => isAsleep,
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
