/** Attackers a day, and the tops of the last weeks. */
import { plain, type ReportAnswer } from './shapes.ts'
import { report } from './state.ts'
import { told } from './story.tsx'
import { count, day, reasonText, T } from './texts.ts'

const DAYS = 60
const DAY_MS = 86_400_000
/** What the first one counted, on one day of 2006. */
const OF_2006 = 397
/** Where that is higher than so many times the worst day, it would leave nothing of the others. */
const FAR = 4
const TOP = 10
const [WIDTH, HEIGHT] = [600, 140]

interface Day {
  readonly day: string
  readonly attackers: number
}

/** All days, also those on which nobody came. */
function allDays({ days, until }: ReportAnswer): Day[] {
  const known = new Map(days.map(({ day, attackers }) => [day, attackers]))
  const last = days.at(-1)?.day ?? until.slice(0, 10)
  return Array.from({ length: DAYS }, (_, i) => {
    const date = new Date(Date.parse(`${last}T12:00Z`) - (DAYS - 1 - i) * DAY_MS).toISOString().slice(0, 10)
    return { day: date, attackers: known.get(date) ?? 0 }
  })
}

function Chart({ days, text }: { days: readonly Day[]; text: string }) {
  const most = Math.max(1, ...days.map(({ attackers }) => attackers))
  const isNear = OF_2006 <= most * FAR
  const top = isNear ? Math.max(most, OF_2006) : most
  const heightOf = (n: number) => (n === 0 ? 0 : Math.max(2, (n / top) * HEIGHT))
  const width = WIDTH / days.length
  const y = HEIGHT - heightOf(OF_2006)
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={text}>
        {days.map(({ day: date, attackers }, i) => (
          <rect
            key={date}
            x={i * width + 1}
            y={HEIGHT - heightOf(attackers)}
            width={width - 2}
            height={heightOf(attackers)}
          >
            <title>{`${day(date)}: ${count(attackers)}`}</title>
          </rect>
        ))}
        {isNear && <line x1="0" x2={WIDTH} y1={y} y2={y} />}
      </svg>
      <figcaption class="faint">
        <span>{day(days[0]?.day ?? '')}</span>
        <span>{isNear ? `┈ ${T.of2006}` : T.of2006Far}</span>
        <span>{day(days.at(-1)?.day ?? '')}</span>
      </figcaption>
    </figure>
  )
}

interface TopProps {
  readonly id: string
  readonly title: string
  readonly columns: readonly [string, string]
  readonly rows: readonly (readonly [what: string, n: number, source?: string])[]
  readonly empty?: string
}

function Top({ id, title, columns, rows, empty = T.noneYet }: TopProps) {
  const most = Math.max(1, ...rows.map(([, n]) => n))
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {rows.length === 0 ? (
        <p class="empty">{empty}</p>
      ) : (
        <table class="top">
          <thead>
            <tr>
              <th scope="col">{columns[0]}</th>
              <th scope="col" class="number">
                {columns[1]}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, TOP).map(([what, n, source]) => (
              <tr key={what}>
                <th scope="row">
                  {source === undefined ? (
                    <bdi>{plain(what)}</bdi>
                  ) : (
                    <button type="button" class="link" onClick={() => void told(source)}>
                      {plain(what)}
                    </button>
                  )}
                  <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={(n / most) * 100} height="4" />
                  </svg>
                </th>
                <td class="number">{count(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Days({ known }: { known: ReportAnswer }) {
  const days = allDays(known)
  const text = T.reportSum(known.attackers, known.lockouts, Math.max(...days.map(one => one.attackers)))
  if (known.lockouts === 0) return <p class="empty">{T.reportNone}</p>
  return (
    <>
      <p>{text}</p>
      <Chart days={days} text={text} />
      <details>
        <summary>{T.reportTable}</summary>
        <table class="top">
          <thead>
            <tr>
              <th scope="col">{T.dayColumn}</th>
              <th scope="col" class="number">
                {T.attackers}
              </th>
            </tr>
          </thead>
          <tbody>
            {days
              .filter(({ attackers }) => attackers > 0)
              .map(({ day: date, attackers }) => (
                <tr key={date}>
                  <th scope="row">{date}</th>
                  <td class="number">{count(attackers)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </>
  )
}

export function Report() {
  const known = report.value
  const rowsOf = (make: (of: ReportAnswer) => TopProps['rows']) => (known === undefined ? [] : make(known))
  return (
    <>
      <section class="card days" aria-labelledby="report">
        <h2 id="report">{T.reportTitle}</h2>
        {known === undefined ? <p class="empty">{T.loading}</p> : <Days known={known} />}
      </section>
      <div class="tops">
        <Top
          id="ports"
          title={T.portsTitle}
          columns={[T.port, T.lockouts]}
          rows={rowsOf(of => of.ports.map(one => [`${one.proto.toUpperCase()} ${one.number}`, one.lockouts]))}
        />
        <Top
          id="networks"
          title={T.networksTitle}
          columns={[T.network, T.attackers]}
          rows={rowsOf(of => of.networks.map(one => [one.network, one.attackers]))}
        />
        <Top
          id="repeaters"
          title={T.repeatersTitle}
          columns={[T.source, T.times]}
          rows={rowsOf(of => of.repeaters.map(one => [one.source, one.times, one.source]))}
        />
        <Top
          id="spared"
          title={T.sparedTitle}
          columns={[T.reason, T.packets]}
          rows={rowsOf(of => of.spared.map(one => [reasonText(one.because as never), one.packets]))}
          empty={T.noneSpared}
        />
      </div>
    </>
  )
}
