/** Where packets come from: the capture; with closed = "unaccepted" the watch over what others refuse; and a sample of those of flies. */
import type { Capture, Captured } from '../capture/capture.ts'
import { openCapture } from '../capture/intake.ts'
import type { RefusedWatch } from '../capture/refused.ts'
import { openRefused } from '../capture/refused-intake.ts'
import { retirement } from '../capture/retire.ts'
import { openSampled } from '../capture/sampled-intake.ts'
import { openAlarm } from '../log/alarm.ts'
import type { Feed } from './daemon.ts'
import type { Policy } from './policy.ts'
import type { World } from './world.ts'

export interface Sources extends Disposable {
  readonly capture: Capture
  /**
   * Opens what another policy needs and this one has not. Nothing is replaced until `take`; disposed of before that, what was
   * opened is closed again.
   */
  prepare(next: Policy): Disposable & { take(): void }
  /** Looks who was refused, also if nobody has rung. */
  look(): void
}

type Part<T> = { readonly fresh: T; readonly isOther: boolean }

/** Throws when somebody else listens there: that is the lock against a second daemon. */
export function openSources(world: World, policy: Policy, feed: Feed): Sources {
  const alarm = openAlarm(world.log, world.now)
  const failed = (error: unknown) => alarm(String(error))
  using opening = new DisposableStack()
  const { retire } = opening.use(retirement())
  let current = policy
  let capture = captureFor(policy)
  opening.defer(() => capture[Symbol.dispose]())
  let refused = refusedFor(policy)
  opening.defer(() => refused?.[Symbol.dispose]())
  let sampled = sampledFor(policy)
  opening.defer(() => sampled?.[Symbol.dispose]())
  const opened = opening.move()

  function captureFor({ statement, settings: { number } }: Policy): Capture {
    const receive = (batch: readonly Captured[]) => feed({ input: 'packets', batch })
    return openCapture(world.sockets, statement, number, receive, failed)
  }

  function refusedFor({ settings: { closed, number } }: Policy): RefusedWatch | undefined {
    if (closed !== 'unaccepted') return undefined
    return openRefused(
      world,
      number,
      (refused, pending) => feed({ input: 'refused', refused, pending }),
      failed,
    )
  }

  function sampledFor({ settings: { history, number } }: Policy): Disposable | undefined {
    if (history.samplesPerSecond === 0) return undefined
    return openSampled(world.sockets, number, batch => feed({ input: 'sampled', batch }), failed)
  }

  function part<T extends Disposable | undefined>(
    stack: DisposableStack,
    isOther: boolean,
    present: T,
    open: () => T,
  ): Part<T> {
    if (!isOther) return { fresh: present, isOther }
    const fresh = open()
    stack.use(fresh)
    return { fresh, isOther }
  }

  return {
    get capture() {
      return capture
    },
    prepare(next) {
      using stack = new DisposableStack()
      const isMoved = next.settings.number !== current.settings.number
      const captured = part(stack, isMoved || next.statement !== current.statement, capture, () =>
        captureFor(next),
      )
      const watched = part(stack, isMoved || next.settings.closed !== current.settings.closed, refused, () =>
        refusedFor(next),
      )
      const isSampled = ({ settings }: Policy) => settings.history.samplesPerSecond > 0
      const sample = part(stack, isMoved || isSampled(next) !== isSampled(current), sampled, () =>
        sampledFor(next),
      )
      const prepared = stack.move()
      return {
        take() {
          prepared.move() // Nothing is closed any more.
          current = next
          if (captured.isOther) retire(capture)
          if (watched.isOther) refused?.[Symbol.dispose]()
          if (sample.isOther) sampled?.[Symbol.dispose]()
          sampled = sample.fresh
          capture = captured.fresh
          refused = watched.fresh
          refused?.look()
        },
        [Symbol.dispose]: () => prepared.dispose(),
      }
    },
    look: () => refused?.look(),
    [Symbol.dispose]: () => opened.dispose(),
  }
}
