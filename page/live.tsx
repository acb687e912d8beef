/** What happens, as it comes: calm, and to be paused. */
import { plain } from './shapes.ts'
import { events, isPaused, pause, waiting } from './state.ts'
import { clock, T } from './texts.ts'

export function Live() {
  return (
    <section class="card" aria-labelledby="live">
      <div class="bar">
        <h2 id="live">{T.liveTitle}</h2>
        {isPaused.value && <span class="faint">{T.waiting(waiting.value)}</span>}
        <button type="button" aria-pressed={isPaused.value} onClick={() => pause(!isPaused.value)}>
          {isPaused.value ? T.goOn : T.pause}
        </button>
      </div>
      {events.value.length === 0 ? (
        <p class="empty">{T.liveNothing}</p>
      ) : (
        <ol class="events" tabindex={0} aria-label={T.liveTitle}>
          {events.value.map(({ at, event, text }) => (
            <li key={`${at} ${text}`} class={event}>
              <time dateTime={at}>{clock(Date.parse(at))}</time> <bdi>{plain(text)}</bdi>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
