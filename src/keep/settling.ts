/** What follows an arming in the background, and each time when the sets are compared: told, and remembered when index and sets agree. */
import type { Events } from '../log/events.ts'
import type { Log } from '../log/log.ts'
import { type Reconciling, reconcile, type SetChanges, type SetState } from './reconcile.ts'
import { identityOf } from './second-look.ts'

export interface KeepWorld extends Reconciling {
  readonly log: Log
  readonly events: Events
}

export interface Settling extends Disposable {
  follow(state: SetState): void
  /** Resolves when that is done, or has failed, or is done anew. */
  settled(): Promise<void>
  /** Elements that were not as they should be, and were set right. */
  mended(): number
}

const RETRY_MS = 1000
const SET = 'set'

/** Whether the sets are those with which the index agreed last; they are not trusted again until it does so anew. */
export function takeSetState({ firewall, history, kernelSets }: Omit<KeepWorld, 'flies'>): SetState {
  const identity = identityOf(firewall.look(), kernelSets.place())
  const isSame = identity !== '' && history.getMeta(SET) === identity
  distrust({ history })
  return isSame ? 'confirmed' : 'restored'
}

/** The sets are not trusted until they have been compared again. */
export function distrust({ history }: Pick<KeepWorld, 'history'>): void {
  history.setMeta(SET, '')
}

/** `failed` is called when it fails, and once more `later`, a second after that, unless it is done anew meanwhile. */
export function openSettling(
  world: KeepWorld,
  changes: SetChanges,
  failed: { readonly now: (error: unknown) => void; readonly later: () => void },
): Settling {
  const { firewall, kernelSets, history, log, now, flies } = world
  let following = new AbortController()
  let settled = Promise.resolve()
  let mended = 0

  function tell(count: number, flies: number, took: number): void {
    mended += count
    history.setMeta(SET, identityOf(firewall.look(), kernelSets.place()))
    if (count > 0) log.warn(`${count} flies in the kernel were not as they should be, and are set right`)
    if (took > 1000) log.info(`all ${flies} flies are settled, after ${Math.round(took)} ms`)
  }

  return {
    follow(state) {
      following.abort()
      following = new AbortController()
      const { signal } = following
      const began = performance.now()
      const all = flies.count(now())
      settled = reconcile(world, changes, state, signal)
        .then(count => {
          if (count !== undefined) tell(count, all, performance.now() - began)
        })
        .catch(error => {
          if (signal.aborted) return
          failed.now(error)
          setTimeout(() => !signal.aborted && failed.later(), RETRY_MS).unref()
        })
    },
    settled: () => settled,
    mended: () => mended,
    [Symbol.dispose]: () => following.abort(),
  }
}
