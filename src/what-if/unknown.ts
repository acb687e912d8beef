/** What the ring cannot tell of other settings, each by its name. Pure. */
import { type Context, settingTexts } from '../ring/context.ts'
import type { Settings } from '../settings/settings.ts'
import type { Replayed } from './replay.ts'

/** Nothing of whom is locked out depends on these. */
const NO_MATTER = /^(capture|number|log|history\.|ring\.|geo\.|dryRun$|sizes\.(hold|peers|known)$|bootGrace$)/
/** The daemon's part: put through the new settings exactly, ... */
const REPLAYED =
  /^(never$|neverFiles$|neverByHand$|lockout\.|promotion\.|shared\.|sizes\.flypaper$|evidence\.(threshold$|stranger\.|peer\.|known\.))/
/** ... but for this. */
const BUT: readonly (readonly [RegExp, string])[] = [
  [/^never(Files|ByHand)?$/, 'who was on the never-list then was not handed over, and is not heard of'],
  [
    /^evidence\.(threshold|(stranger|peer|known)\.(excusable|closed|illegal))$/,
    'which weak packet holds its source, the kernel decided by the weights of then, and what weighed nothing it did not hand over',
  ],
  [
    /^evidence\.(stranger|peer|known)\.(window|fade)$/,
    'a port that was tried again within the window of then was not handed over again',
  ],
  [
    /^lockout\.whileTrying$/,
    'who would have gone on trying is known only of those who did, at the end of the same time',
  ],
  [
    /^lockout\.wholePrefixes$/,
    'whether somebody known lived in a prefix is not in the ring: none is locked out as a whole',
  ],
]
const KERNEL: Readonly<Record<string, string>> = {
  closed: 'which ports are closed, the kernel decided as the settings of then say',
  chains: 'what the rules of these chains left over was handed over by the chains of then',
  public: 'who reaches what while he is locked out is not in the ring',
  doors: 'who reaches what while he is locked out is not in the ring',
  inside: 'what was sent on from inside was told apart by the networks of then',
  ingress: 'where flies are dropped is not in the ring',
  hold: 'how long sources were held before they were heard again is as it was',
  served: 'which port counted as served is as it was',
  peers: 'who was a host that we talk to is as it was',
  known: 'who was a known client is as it was',
  names: 'who was known by a name is as it was',
}
const EVIDENCE = 'the kernel told these apart by the settings of then'

export interface Differing {
  /** Names of settings that are others, and whose effect is shown. */
  readonly shown: readonly string[]
  /** What is not known, as sentences that begin with the name of the setting. */
  readonly unknown: readonly string[]
}

export function differing(contexts: readonly Context[], settings: Settings): Differing {
  const now = settingTexts(settings)
  const shown: string[] = []
  const unknown: string[] = []
  for (const name of Object.keys(now)) {
    if (
      NO_MATTER.test(name) ||
      contexts.every(({ settings: then }) => (then[name] ?? now[name]) === now[name])
    )
      continue
    const written = nameOf(name)
    if (REPLAYED.test(name)) {
      shown.push(written)
      for (const [which, what] of BUT) if (which.test(name)) unknown.push(`${written}: ${what}`)
    } else unknown.push(`${written}: ${KERNEL[name.split('.')[0]!] ?? EVIDENCE}. The difference is not shown`)
  }
  return { shown, unknown }
}

/** What is missing in the ring, as sentences. */
export function gapsOf({
  leftOut,
  unheard,
  unasked,
  unknownTrying,
  clockSteps,
  contexts,
}: Replayed): readonly string[] {
  return [
    ...(leftOut === 0
      ? []
      : [
          `${packetsText(leftOut)} left out, since there were too many or the disk was too slow: some lockouts may be missing, or come later`,
        ]),
    ...(unheard === 0
      ? []
      : [
          `${packetsText(unheard)} not heard, since their sources would have been locked out or held by then`,
        ]),
    ...(unasked === 0
      ? []
      : [
          `${packetsText(unasked)} never judged: whether somebody listens where they went is not known, so nobody does`,
        ]),
    ...(unknownTrying === 0
      ? []
      : [
          `${unknownTrying} lockouts went on, since their sources went on trying; whether they would at another end is not known, so they do not`,
        ]),
    ...(clockSteps === 0
      ? []
      : [
          `the clock was set ${clockSteps === 1 ? 'once' : `${clockSteps} times`}: lockouts around that may be told with other times`,
        ]),
    ...(contexts.every(({ near }) => near !== undefined)
      ? []
      : ['own addresses were too many to be written down: nobody counts as near']),
  ]
}

function packetsText(packets: number): string {
  return packets === 1 ? '1 packet was' : `${packets.toLocaleString('en')} packets were`
}

/** As the settings file has it: `lockout.many_ports`; of what is no setting the verb. */
function nameOf(name: string): string {
  if (name === 'neverByHand') return 'never add'
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
