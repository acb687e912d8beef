/** Every name that flypaperd gives to something in the kernel. All of them start with `flypaper`. */
export const TABLE = { family: 'inet', name: 'filter' } as const

export const CHAINS = [
  'flypaper_early',
  'flypaper_stuck',
  'flypaper_out',
  'flypaper_ours',
  'flypaper_strays',
  'flypaper_listening',
  'flypaper_through',
  'flypaper_watch',
  'flypaper_watch_weak',
  'flypaper_end_input',
  'flypaper_end_forward',
  'flypaper_end',
  'flypaper_refusal',
  'flypaper_heard',
  'flypaper_input',
  'flypaper_forward',
  'flypaper_judge',
  'flypaper_silent',
  'flypaper_offence',
  'flypaper_weak_peer',
  'flypaper_weak_known',
  'flypaper_weak_late',
] as const
export type ChainName = (typeof CHAINS)[number]

export const SETS = [
  'flypaper',
  'flypaper6',
  'flypaper_nets',
  'flypaper_nets6',
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_never',
  'flypaper_never6',
  'flypaper_own',
  'flypaper_own6',
  'flypaper_single6',
  'flypaper_peers',
  'flypaper_peers6',
  'flypaper_known',
  'flypaper_known6',
  'flypaper_questions',
  'flypaper_questions6',
  'flypaper_asked',
  'flypaper_served',
  'flypaper_stray',
  'flypaper_stray6',
  'flypaper_grace',
  'flypaper_pending',
  'flypaper_pending6',
  'flypaper_passing',
  'flypaper_passing6',
  'flypaper_accepted',
  'flypaper_accepted6',
  'flypaper_unsure',
  'flypaper_outside',
  // Of 0.1.0, whose listing did not load where an interface was missing: taken out by whoever arms or disarms.
  'flypaper_uplinks',
] as const
export type SetName = (typeof SETS)[number]

/** Those with the flag interval: they hold whole prefixes. */
export const INTERVAL_SETS: readonly string[] = [
  'flypaper_nets',
  'flypaper_nets6',
  'flypaper_never',
  'flypaper_never6',
  'flypaper_own',
  'flypaper_own6',
  'flypaper_single6',
] satisfies SetName[]

/** What is in these, arming empties and fills again. Into the others, but for those of the flies, packets write. */
export const REFILLED: readonly string[] = [
  ...INTERVAL_SETS,
  ...(['flypaper_grace', 'flypaper_outside'] satisfies SetName[]),
]

/** The chains that an administrator's rules may jump to. */
export const ENTRANCES = { input: 'flypaper_input', forward: 'flypaper_forward' } as const

/** The comment by which start and stop know the jumps that they appended themselves. */
export const APPENDED = 'flypaperd: appended by start, removed by stop'

export function isOurs(name: string): boolean {
  return name.startsWith('flypaper')
}
