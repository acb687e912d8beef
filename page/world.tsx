/** Today's lockouts on a map of all IPv4 addresses: a Hilbert curve of the networks by /16. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { hilbert, type ListAnswer, net16 } from './shapes.ts'
import { ask, events, report } from './state.ts'
import { T } from './texts.ts'

/** Answers of the list that the map reads, of those in force and of those of before. */
const ANSWERS_MAX = 10
const SIDE = 256
const BUSIEST = 3

interface Today {
  readonly nets: ReadonlyMap<number, number>
  readonly sum: number
  readonly isCut: boolean
}

const today = signal<Today | undefined>(undefined)
const here = signal('')

function midnight(): number {
  return new Date().setHours(0, 0, 0, 0)
}

async function read(): Promise<void> {
  const nets = new Map<number, number>()
  let [sum, isCut] = [0, false]
  for (const past of [false, true]) {
    let before: number | undefined
    let answers = 0
    do {
      const going = before === undefined ? '' : `&before=${before}`
      const answer = await ask<ListAnswer>(`/v1/list?past=${past}&since=${midnight()}${going}`, () => {})
      if (answer === undefined) break
      for (const { source } of answer.flies) {
        const net = net16(source)
        if (net === undefined) continue
        nets.set(net, (nets.get(net) ?? 0) + 1)
        sum++
      }
      before = answer.next
      answers++
    } while (before !== undefined && answers < ANSWERS_MAX)
    isCut ||= before !== undefined
  }
  today.value = { nets, sum, isCut }
}

const PLACES: readonly (readonly [x: number, y: number])[] = Array.from({ length: SIDE * SIDE }, (_, i) =>
  hilbert(i),
)

/** What is where: the /16 of a point. */
const NETS = new Map(PLACES.map(([x, y], net) => [y * SIDE + x, net]))

function nameOf(net: number): string {
  return `${net >> 8}.${net & 255}.0.0/16`
}

function draw(canvas: HTMLCanvasElement, nets: ReadonlyMap<number, number>): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const colours = getComputedStyle(canvas)
  const [ground, line, point] = ['--map', '--map-line', '--map-point'].map(name =>
    colours.getPropertyValue(name),
  )
  const scale = canvas.width / SIDE
  context.fillStyle = ground ?? ''
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.fillStyle = line ?? ''
  for (let i = 1; i < 16; i++) {
    context.fillRect(i * 16 * scale, 0, 1, canvas.height)
    context.fillRect(0, i * 16 * scale, canvas.width, 1)
  }
  const most = Math.max(1, ...nets.values())
  context.fillStyle = point ?? ''
  for (const [net, n] of nets) {
    const [x, y] = PLACES[net] ?? [0, 0]
    context.globalAlpha = 0.55 + 0.45 * (Math.log1p(n) / Math.log1p(most))
    context.fillRect(x * scale - 1, y * scale - 1, scale + 2, scale + 2)
  }
  context.globalAlpha = 1
}

function follow(event: PointerEvent, nets: ReadonlyMap<number, number>): void {
  const canvas = event.currentTarget as HTMLCanvasElement
  const { width, height } = canvas.getBoundingClientRect()
  const [x, y] = [event.offsetX / width, event.offsetY / height].map(part => Math.floor(part * SIDE))
  const net = NETS.get((y ?? 0) * SIDE + (x ?? 0))
  here.value = net === undefined ? '' : T.mapHere(nameOf(net), nets.get(net) ?? 0)
}

export function World() {
  const canvas = useRef<HTMLCanvasElement>(null)
  const known = today.value
  // As often as the report, which is read when the page has come and now and then.
  useEffect(() => {
    if (report.value !== undefined) void read()
  }, [report.value])
  useEffect(() => {
    const came = events.value.filter(({ event, at }) => event === 'lockout' && Date.parse(at) >= midnight())
    const nets = new Map(known?.nets)
    for (const { source } of came) {
      const net = net16(String(source))
      if (net !== undefined && !nets.has(net)) nets.set(net, 1)
    }
    const repaint = () => canvas.current !== null && draw(canvas.current, nets)
    repaint()
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', repaint)
    return () => scheme.removeEventListener('change', repaint)
  }, [known, events.value])
  const busiest = [...(known?.nets ?? [])].sort(([, one], [, other]) => other - one).slice(0, BUSIEST)
  const sum =
    known === undefined ? T.loading : known.sum === 0 ? T.mapNone : T.mapSum(known.sum, known.nets.size)
  return (
    <section class="card world" aria-labelledby="map">
      <div>
        <h2 id="map">{T.mapTitle}</h2>
        <p>{sum}</p>
        <p class="faint">{T.mapCaption}</p>
        {known?.isCut && <p class="faint">{T.mapCut}</p>}
        {busiest.length > 0 && (
          <>
            <h3>{T.mapBusiest}</h3>
            <ul>
              {busiest.map(([net, n]) => (
                <li key={net}>{T.mapHere(nameOf(net), n)}</li>
              ))}
            </ul>
          </>
        )}
        <p class="here">{here.value}</p>
      </div>
      <canvas
        ref={canvas}
        hidden={busiest.length === 0 && !events.value.some(({ event }) => event === 'lockout')}
        width="768"
        height="768"
        role="img"
        aria-label={sum}
        onPointerMove={event => follow(event, known?.nets ?? new Map())}
        onPointerLeave={() => {
          here.value = ''
        }}
      />
    </section>
  )
}
