/** Every name that flypaperd gives to something in the kernel. All of them start with `flypaper`. */
export const TABLE = { family: 'inet', name: 'filter' } as const

export const CHAINS = [
  'flypaper_early',
  'flypaper_stuck',
  'flypaper_reach',
  'flypaper_public',
  'flypaper_sampled',
  'flypaper_ingress',
  'flypaper_ingress_stuck',
  'flypaper_ingress_reach',
  'flypaper_out',
  'flypaper_translated',
  'flypaper_to_stuck',
  'flypaper_ours',
  'flypaper_reset',
  'flypaper_strays',
  'flypaper_listening',
  'flypaper_open',
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
  'flypaper_link',
  'flypaper_offence',
  'flypaper_weak_peer',
  'flypaper_new_peer',
  'flypaper_weak_known',
  'flypaper_new_known',
  'flypaper_weak_late',
  'flypaper_new_late',
  'flypaper_weak_known_late',
  'flypaper_suspected',
] as const
export type ChainName = (typeof CHAINS)[number]

/** In which the kernel remembers who tried which ports with weak evidence. */
export const TRIED_SETS = [
  'flypaper_tried_peer',
  'flypaper_tried_peer6',
  'flypaper_tried_known',
  'flypaper_tried_known6',
  'flypaper_tried_late',
  'flypaper_tried_late6',
] as const

/** In which it counts them. */
export const COUNT_SETS = [
  'flypaper_count_peer',
  'flypaper_count_peer6',
  'flypaper_count_known',
  'flypaper_count_known6',
  'flypaper_count_late',
  'flypaper_count_late6',
] as const

/** IPv6 prefixes that were scanned from in breadth: those of 56 bits, and those of 48. */
export const SUSPECT_SETS = ['flypaper_suspect_56', 'flypaper_suspect_48'] as const

export const SETS = [
  'flypaper',
  'flypaper6',
  'flypaper_nets',
  'flypaper_nets6',
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_by_hand',
  'flypaper_by_hand6',
  'flypaper_called',
  'flypaper_called6',
  'flypaper_never',
  'flypaper_never6',
  'flypaper_own',
  'flypaper_own6',
  'flypaper_single6',
  'flypaper_links',
  'flypaper_links6',
  'flypaper_inside',
  'flypaper_inside6',
  'flypaper_peers',
  'flypaper_peers6',
  'flypaper_known',
  'flypaper_known6',
  'flypaper_questions',
  'flypaper_questions6',
  'flypaper_forgotten',
  'flypaper_asked',
  'flypaper_served',
  'flypaper_bound_ports',
  'flypaper_bound',
  'flypaper_bound6',
  'flypaper_excusable',
  'flypaper_stray',
  'flypaper_stray6',
  'flypaper_grace',
  ...TRIED_SETS,
  ...COUNT_SETS,
  ...SUSPECT_SETS,
  'flypaper_pending',
  'flypaper_pending6',
  'flypaper_linked',
  'flypaper_linked6',
  'flypaper_passing',
  'flypaper_passing6',
  'flypaper_accepted',
  'flypaper_accepted6',
  'flypaper_unsure',
  'flypaper_conditional',
  'flypaper_outside',
  'flypaper_doors',
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
  'flypaper_links',
  'flypaper_links6',
  'flypaper_inside',
  'flypaper_inside6',
] satisfies SetName[]

/** What is in these, arming empties and fills again. Into the others, but for those of the flies, packets write. */
export const REFILLED: readonly string[] = [
  ...INTERVAL_SETS,
  ...([
    'flypaper_by_hand',
    'flypaper_by_hand6',
    'flypaper_grace',
    'flypaper_outside',
    'flypaper_doors',
    'flypaper_conditional',
    'flypaper_bound_ports',
    'flypaper_bound',
    'flypaper_bound6',
  ] satisfies SetName[]),
]

/** The chains that an administrator's rules may jump to. */
export const ENTRANCES = { input: 'flypaper_input', forward: 'flypaper_forward' } as const

/** The comment by which start and stop know the jumps that they appended themselves. */
export const APPENDED = 'flypaperd: appended by start, removed by stop'

export function isOurs(name: string): boolean {
  return name.startsWith('flypaper')
}
