/** Who is locked out: search, select, free; and locking out by hand. */
import { signal } from '@preact/signals'
import { free, lock } from './actions.ts'
import { REASONS } from './reasons.ts'
import { endOf, type Fly, plain, whatTried } from './shapes.ts'
import {
  flies,
  isSearching,
  lines,
  look,
  NO_SEARCH,
  newer,
  next,
  now,
  type Search,
  search,
  searchProblem,
} from './state.ts'
import { told } from './story.tsx'
import { moment, reasonText, shortMoment, span, T } from './texts.ts'

/** Rows that are shown at first, so that what comes below is not far, and so many more each time. */
const SHOWN = 25
const MORE = 100
const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6']
const shown = signal(SHOWN)
const selected = signal<ReadonlySet<string>>(new Set())

function valuesOf(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]))
}

function begin(wanted: Search): void {
  search.value = wanted
  shown.value = SHOWN
  selected.value = new Set()
  void look()
}

function SearchForm() {
  const submit = (event: Event) => {
    event.preventDefault()
    begin({ ...NO_SEARCH, ...valuesOf(event.currentTarget as HTMLFormElement) })
  }
  return (
    <search>
      <form class="search" onSubmit={submit} onReset={() => begin(NO_SEARCH)}>
        <label class="grows">
          {T.who}
          <input name="who" autocomplete="off" spellcheck={false} maxLength={1000} />
        </label>
        <label>
          {T.port}
          <input name="port" inputMode="numeric" pattern="[0-9]{1,5}" size={6} autocomplete="off" />
        </label>
        <Choice name="proto" label={T.protocol} options={PROTOCOLS.map(one => [one, one.toUpperCase()])} />
        <Choice name="reason" label={T.reason} options={REASONS.map(one => [one, one])} />
        <Choice
          name="left"
          label={T.left}
          options={[
            ['hour', T.leftHour],
            ['day', T.leftDay],
            ['longer', T.leftLonger],
            ['forever', T.leftForever],
          ]}
        />
        <span class="buttons">
          <button type="submit" class="strong">
            {T.search}
          </button>
          <button type="reset">{T.clear}</button>
        </span>
      </form>
    </search>
  )
}

type Options = readonly (readonly [value: string, text: string])[]

function Choice({ name, label, options }: { name: string; label: string; options: Options }) {
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">{T.any}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

function mark(source: string, isOn: boolean): void {
  const marked = new Set(selected.value)
  if (isOn) marked.add(source)
  else marked.delete(source)
  selected.value = marked
}

function Row({ fly }: { fly: Fly }) {
  const { source, because, since, times, by, note } = fly
  const name = plain(source)
  const end = endOf(fly)
  return (
    <tr>
      <td class="check">
        <input
          type="checkbox"
          aria-label={T.select(name)}
          checked={selected.value.has(source)}
          onChange={event => mark(source, event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <button type="button" class="link" aria-label={T.story(name)} onClick={() => void told(source)}>
          {name}
        </button>
        <span class="narrow faint">{whatTried(fly)}</span>
      </th>
      <td class="wide">{whatTried(fly)}</td>
      <td class="wide why" title={reasonText(because as never)}>
        {plain(because)}
        {by !== undefined && <bdi class="faint">{` ${T.by(plain(by))}`}</bdi>}
        {note !== undefined && <bdi class="note">{plain(note)}</bdi>}
      </td>
      <td class="wide when">
        <time dateTime={since} title={moment(Date.parse(since))}>
          {shortMoment(Date.parse(since))}
        </time>
      </td>
      <td class="number">
        {end === Number.POSITIVE_INFINITY ? (
          T.forever
        ) : (
          <time dateTime={fly.until}>{span(end - now.value)}</time>
        )}
      </td>
      <td class="wide number">{times}</td>
      <td class="act">
        <button type="button" aria-label={T.freeOne(name)} onClick={() => void free([fly])}>
          {T.free}
        </button>
      </td>
    </tr>
  )
}

function Table({ rows }: { rows: readonly Fly[] }) {
  const isAll = rows.length > 0 && rows.every(({ source }) => selected.value.has(source))
  const all = (isOn: boolean) => {
    selected.value = new Set(isOn ? rows.map(({ source }) => source) : [])
  }
  return (
    <table>
      <caption class="unseen">{T.fliesCaption}</caption>
      <thead>
        <tr>
          <td class="check">
            <input
              type="checkbox"
              aria-label={T.selectAll}
              checked={isAll}
              onChange={event => all(event.currentTarget.checked)}
            />
          </td>
          <th scope="col">{T.source}</th>
          <th scope="col" class="wide">
            {T.tried}
          </th>
          <th scope="col" class="wide">
            {T.reason}
          </th>
          <th scope="col" class="wide">
            {T.since}
          </th>
          <th scope="col" class="number">
            {T.left}
          </th>
          <th scope="col" class="wide number">
            {T.times}
          </th>
          <th scope="col">
            <span class="unseen">{T.action}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(fly => (
          <Row key={fly.source} fly={fly} />
        ))}
      </tbody>
    </table>
  )
}

async function freeAll(chosen: readonly Fly[]): Promise<void> {
  await free(chosen)
  selected.value = new Set()
}

function showMore(rows: number): void {
  shown.value += MORE
  if (shown.value > rows && next.value !== undefined) void look(true)
}

export function Flies() {
  const living = flies.value?.filter(fly => endOf(fly) > now.value)
  const rows = living?.slice(0, shown.value) ?? []
  const chosen = rows.filter(({ source }) => selected.value.has(source))
  const hasMore = living !== undefined && (living.length > shown.value || next.value !== undefined)
  const total = lines.value.find(({ label }) => label === 'flypaper set')?.reason
  return (
    <section class="card" aria-labelledby="flies">
      <div class="bar">
        <h2 id="flies">{T.fliesTitle}</h2>
        {total !== undefined && <span class="faint">{total}</span>}
        {chosen.length > 0 && (
          <button type="button" class="strong" onClick={() => void freeAll(chosen)}>
            {T.freeSelected(chosen.length)}
          </button>
        )}
      </div>
      <SearchForm />
      {searchProblem.value !== '' && <p class="problem">{plain(searchProblem.value)}</p>}
      {newer.value > 0 && (
        <button type="button" class="link" onClick={() => void look()}>
          {T.newer(newer.value)}
        </button>
      )}
      {rows.length > 0 && <Table rows={rows} />}
      {living === undefined && <p class="empty">{T.loading}</p>}
      {living !== undefined && rows.length === 0 && !hasMore && (
        <p class="empty">{isSearching.value ? T.nobodyFits : T.nobody}</p>
      )}
      {hasMore && (
        <p class="more">
          <button type="button" onClick={() => showMore(living.length)}>
            {rows.length > 0 ? T.more : T.lookOn}
          </button>
        </p>
      )}
    </section>
  )
}

const LENGTHS: Options = [
  ['3600', T.hours(1)],
  ['86400', T.days(1)],
  ['604800', T.days(7)],
  ['forever', T.forever],
]

export function Lock() {
  const submit = async (event: Event) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const { who = '', seconds = '', because = '' } = valuesOf(form)
    if (await lock(who, seconds, because)) form.reset()
  }
  return (
    <details class="card">
      <summary>
        <h2>{T.lockTitle}</h2>
      </summary>
      <form class="search" onSubmit={event => void submit(event)}>
        <label class="grows">
          {T.lockWho}
          <input name="who" required autocomplete="off" spellcheck={false} maxLength={64} />
        </label>
        <label>
          {T.lockFor}
          <select name="seconds">
            <option value="">{T.lockUsual}</option>
            {LENGTHS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label class="grows">
          {T.lockBecause}
          <input name="because" maxLength={200} autocomplete="off" />
        </label>
        <span class="buttons">
          <button type="submit" class="strong">
            {T.lock}
          </button>
        </span>
      </form>
    </details>
  )
}
