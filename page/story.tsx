/** All that is known of one source, in the order of time. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { free } from './actions.ts'
import { endOf, type Fly, plain, triedText, type WhyAnswer, whatTried } from './shapes.ts'
import { ask } from './state.ts'
import { moment, reasonText, span, T } from './texts.ts'

const who = signal<string | undefined>(undefined)
const story = signal<WhyAnswer | undefined>(undefined)
const problem = signal('')

/** Opens the story of this source. */
export async function told(source: string): Promise<void> {
  who.value = source
  story.value = undefined
  problem.value = ''
  const answer = await ask<WhyAnswer>(`/v1/why?who=${encodeURIComponent(source)}`, why => {
    problem.value = why
  })
  if (who.value === source) story.value = answer
}

const isInForce = (fly: Fly) => fly.released === undefined && endOf(fly) > Date.now()

function standing({ never, held, lockouts, around, sightings }: WhyAnswer): string {
  if (never !== undefined) return T.storyNever(plain(never))
  const fly = [...lockouts, ...around].find(isInForce)
  if (fly?.until === 'forever') return T.storyForever
  if (fly !== undefined) return T.storyLocked(span(endOf(fly) - Date.now()), moment(endOf(fly)))
  if (held !== undefined) return T.storyHeld
  return lockouts.length + sightings.length === 0 ? T.storyUnknown : T.storyFree
}

interface Happening {
  readonly at: number
  readonly what: string
  readonly more: readonly string[]
}

function happenings({ lockouts, around, sightings }: WhyAnswer): Happening[] {
  const ofLockout = (fly: Fly): Happening[] => {
    const { since, because, times, by, note, released } = fly
    const length = fly.until === 'forever' ? T.forever : span(endOf(fly) - Date.parse(since))
    const more = [
      whatTried(fly),
      reasonText(because as never),
      ...(times > 1 ? [T.nth(times)] : []),
      ...(by === undefined ? [] : [T.by(by)]),
      ...(note === undefined ? [] : [note]),
    ]
    const began = { at: Date.parse(since), what: T.happenedLockout(length), more }
    if (released === undefined) return [began]
    return [
      began,
      { at: Date.parse(released.at), what: T.happenedEnd(released.by), more: [released.because] },
    ]
  }
  const spared = sightings.map(({ last, count, tried, because }) => ({
    at: Date.parse(last),
    what: T.happenedSpared(count),
    more: [triedText(tried), reasonText(because as never)],
  }))
  return [...[...lockouts, ...around].flatMap(ofLockout), ...spared].sort((one, other) => other.at - one.at)
}

function Told({ told }: { told: WhyAnswer }) {
  const { packets = 0, alsoTried, reachable } = told
  const current = told.lockouts.find(isInForce)
  const still = current === undefined ? [] : [...reachable.public, ...reachable.doors]
  return (
    <>
      <p class="standing">
        {standing(told)}
        {packets > 0 && <span class="faint">{` · ${T.storyDropped(packets)}`}</span>}
      </p>
      {still.length > 0 && <p>{`${T.storyReaches}: ${still.join(', ')}`}</p>}
      {current !== undefined && (
        <button
          type="button"
          class="strong"
          onClick={() => {
            who.value = undefined
            void free([current])
          }}
        >
          {T.free}
        </button>
      )}
      <ol class="happenings">
        {happenings(told).map(({ at, what, more }) => (
          <li key={`${at} ${what}`}>
            <time dateTime={new Date(at).toISOString()}>{moment(at)}</time>
            <bdi class="what">{plain(what)}</bdi>
            {more.map(text => (
              <bdi key={text} class="faint">
                {plain(text)}
              </bdi>
            ))}
          </li>
        ))}
      </ol>
      {alsoTried !== undefined && (
        <p>{`${T.storyAlso}: ${alsoTried.ports.map(port => port.replace('/', ' ').toUpperCase()).join(', ')}`}</p>
      )}
    </>
  )
}

export function Story() {
  const dialog = useRef<HTMLDialogElement>(null)
  const source = who.value
  useEffect(() => {
    if (source === undefined) dialog.current?.close()
    else if (dialog.current?.open === false) dialog.current.showModal()
  }, [source])
  const close = () => {
    who.value = undefined
  }
  return (
    <dialog ref={dialog} aria-labelledby="story" onClose={close}>
      <div class="bar">
        <h2 id="story">{plain(source ?? '')}</h2>
        <button type="button" onClick={close}>
          {T.close}
        </button>
      </div>
      {problem.value !== '' && <p class="problem">{plain(problem.value)}</p>}
      {story.value === undefined && problem.value === '' && <p class="empty">{T.loading}</p>}
      {story.value !== undefined && <Told told={story.value} />}
    </dialog>
  )
}
