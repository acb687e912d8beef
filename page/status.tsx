/** The six lines of status, with what to do about one that is missing. */
import { connection, lines, trouble } from './state.ts'
import { T } from './texts.ts'

export function Status() {
  const isOld = connection.value !== 'live' || trouble.value !== ''
  return (
    <section class="card" aria-labelledby="status">
      <h2 id="status">{isOld && lines.value.length > 0 ? T.statusBefore : T.statusTitle}</h2>
      {lines.value.length === 0 && <p class="empty">{isOld ? T.noDaemon : T.loading}</p>}
      <dl class="lines">
        {lines.value.map(({ label, ok, reason }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <span class={ok ? 'good' : 'bad'}>{ok ? T.ok : T.missing}</span>
              {reason !== undefined && <span class="faint"> {reason}</span>}
              {!ok && T.help[label] !== undefined && <p class="help">{T.help[label]}</p>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
