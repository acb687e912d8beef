/** The page: its parts, in the order in which they are read. */
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { dismiss, type Notice, notices, UNDO_S } from './actions.ts'
import { Flies, Lock } from './flies.tsx'
import { Live } from './live.tsx'
import { Report } from './report.tsx'
import { begin, connection, lines, now, said, status, trouble } from './state.ts'
import { Status } from './status.tsx'
import { Story } from './story.tsx'
import { moment, T } from './texts.ts'
import { World } from './world.tsx'

function Head() {
  const missing = lines.value.filter(({ ok }) => !ok).length
  const isAway = connection.value !== 'live' || trouble.value !== ''
  const [mark, text] = isAway
    ? ['away', connection.value === 'connecting' ? T.connecting : T.noDaemon]
    : missing > 0
      ? ['bad', T.notWell(missing)]
      : lines.value.length === 0
        ? ['away', T.connecting]
        : ['good', T.armed]
  return (
    <header>
      <h1>
        <img src="icon.svg" alt="" width="28" height="28" />
        {T.title}
      </h1>
      <p class={`state ${mark}`}>{mark === 'bad' ? <a href="#status">{text}</a> : text}</p>
    </header>
  )
}

/** What everybody has to know first. */
function Banners() {
  const { pausedUntil, dryRun } = status.value ?? {}
  const isAway = connection.value === 'lost' || trouble.value !== ''
  return (
    <>
      {isAway && (
        <section class="banner bad" aria-label={T.noDaemon}>
          <strong>{T.lost}</strong>
          {trouble.value !== '' && <p>{trouble.value}</p>}
          <p>{T.noDaemonHelp}</p>
        </section>
      )}
      {!isAway && pausedUntil !== undefined && pausedUntil > now.value && (
        <p class="banner warn">{`${T.paused} ${moment(pausedUntil)}`}</p>
      )}
      {!isAway && dryRun && <p class="banner warn">{T.dryRun}</p>}
    </>
  )
}

function NoSession() {
  return (
    <main class="alone">
      <section class="card">
        <h2>{T.noSession}</h2>
        <p>{T.noSessionHelp}</p>
        <pre>
          <code>{T.linkCommand}</code>
        </pre>
      </section>
    </main>
  )
}

function Told({ notice }: { notice: Notice }) {
  const [left, setLeft] = useState(UNDO_S)
  useEffect(() => {
    const timer = setInterval(() => setLeft(seconds => seconds - 1), 1000)
    return () => clearInterval(timer)
  }, [])
  // What went wrong stays until it was read.
  const isOver = left <= 0 && !notice.isBad
  useEffect(() => {
    if (isOver) dismiss(notice.id)
  }, [isOver])
  return (
    <li class={notice.isBad ? 'bad' : ''}>
      <span>{notice.text}</span>
      {notice.undo !== undefined && left > 0 && (
        <button
          type="button"
          aria-label={T.undo}
          onClick={() => {
            dismiss(notice.id)
            void notice.undo?.()
          }}
        >
          {T.undoLeft(left)}
        </button>
      )}
      <button type="button" class="quiet" aria-label={T.dismiss} onClick={() => dismiss(notice.id)}>
        ×
      </button>
    </li>
  )
}

function Page() {
  return (
    <>
      <Head />
      {connection.value === 'no-session' ? (
        <NoSession />
      ) : (
        <main>
          <Banners />
          <div class="columns">
            <div class="column">
              <Flies />
              <Lock />
            </div>
            <div class="column">
              <Status />
              <Live />
            </div>
          </div>
          <Report />
          <World />
        </main>
      )}
      <Story />
      <aside aria-label={T.notices}>
        <ul class="notices">
          {notices.value.map(notice => (
            <Told key={notice.id} notice={notice} />
          ))}
        </ul>
      </aside>
      <p class="unseen" role="status" aria-live="polite">
        {said.value}
      </p>
    </>
  )
}

const root = document.getElementById('page')
if (root !== null) {
  root.replaceChildren()
  render(<Page />, root)
  begin()
}
