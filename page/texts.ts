/** Every word of the page, so that another language is another such file. What the daemon says (reasons, its log) is in its own words. */
export { wordsOf as reasonText } from '../src/log/reasons.ts'

const number = new Intl.NumberFormat()
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const shortDate = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const dayOnly = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

export const count = (n: number): string => number.format(n)
/** In the time zone of who reads. */
export const moment = (ms: number): string => dateTime.format(ms)
export const clock = (ms: number): string => timeOnly.format(ms)
/** Of today the time alone. */
export function shortMoment(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString()
  return isToday ? timeOnly.format(ms) : shortDate.format(ms)
}
/** Of `2026-11-24`. */
export const day = (date: string): string => dayOnly.format(new Date(`${date}T12:00`))

const many = (n: number, one: string, more: string) => `${count(n)} ${n === 1 ? one : more}`

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const

/** `3 min`: one unit is enough. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [length, unit] = UNITS.find(([least]) => seconds >= least) ?? [1, 's']
  return `${count(Math.floor(seconds / length))} ${unit}`
}

export const T = {
  title: 'flypaperd',
  armed: 'Armed and well',
  notWell: (missing: number) => `${many(missing, 'thing is', 'things are')} missing`,
  noDaemon: 'No answer from the daemon',
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost. Trying again',
  back: 'Connected again',
  paused: 'Nobody new is locked out until',
  dryRun: 'Dry run: nobody is locked out, it only says who would be',
  noDaemonHelp:
    'What is in the kernel stays: whoever is locked out stays so until the time is over. This page connects again by itself. To start the daemon: systemctl start flypaperd. Its log: journalctl -u flypaperd',
  noSession: 'This page needs a link',
  noSessionHelp:
    'A link opens the page once, in one tab. Get one on the host that is protected, and open it here:',
  linkCommand: 'sudo flypaperd web --link',
  statusTitle: 'Status',
  statusBefore: 'Status, as it was before',
  ok: 'OK',
  missing: 'Missing',
  help: {
    'kernel support': 'Load the modules nfnetlink_queue or nfnetlink_log: modprobe nfnetlink_log',
    'flypaper set': 'The trap is not in the kernel. Arm it: systemctl restart flypaperd',
    'integration into input':
      'Packets to this host are not judged. See what the firewall lacks: flypaperd doctor',
    'integration into forward':
      'Packets through this host are not judged. See what the firewall lacks: flypaperd doctor',
    process: 'Start the daemon: systemctl start flypaperd',
    'queue or NFLOG statement':
      'Nothing is handed to the daemon. Arm the trap again: systemctl restart flypaperd',
  } as Readonly<Record<string, string>>,
  fliesTitle: 'Locked out now',
  fliesCaption: 'Sources that are locked out now, newest first',
  who: 'Address or prefix',
  port: 'Port',
  protocol: 'Protocol',
  reason: 'Reason',
  left: 'Time left',
  any: 'any',
  leftHour: 'under 1 hour',
  leftDay: 'under 1 day',
  leftLonger: '1 day and longer',
  leftForever: 'for ever',
  search: 'Search',
  clear: 'Clear',
  source: 'Source',
  tried: 'Tried',
  since: 'Since',
  times: 'Times',
  action: 'Action',
  select: (source: string) => `Select ${source}`,
  selectAll: 'Select all that are shown',
  free: 'Free',
  freeOne: (source: string) => `Free ${source}`,
  freeSelected: (n: number) => `Free ${many(n, 'source', 'sources')}`,
  story: (source: string) => `The story of ${source}`,
  more: 'Show more',
  lookOn: 'Look through older ones',
  newer: (n: number) => `${many(n, 'newer lockout', 'newer lockouts')}: show`,
  nobody:
    'Nobody is locked out. That is good news: nobody tried what is closed, or the time of all who did is over.',
  nobodyFits: 'Nobody who is locked out fits this search.',
  loading: 'Loading',
  forever: 'for ever',
  byHand: 'by hand',
  by: (who: string) => `by ${who}`,
  lockTitle: 'Lock out by hand',
  lockWho: 'Address or prefix to lock out',
  lockFor: 'For',
  lockUsual: 'as the settings say',
  lockBecause: 'Why',
  lock: 'Lock out',
  hours: (n: number) => many(n, 'hour', 'hours'),
  days: (n: number) => many(n, 'day', 'days'),
  freed: (n: number, one: string) => (n === 1 ? `Freed ${one}` : `Freed ${many(n, 'source', 'sources')}`),
  freedNobody: 'Nobody was freed: they are not locked out any more',
  around: (nets: string) => `Still locked out, as part of ${nets}`,
  locked: (who: string) => `Locked out ${who}`,
  kept: (who: string) => `${who} is locked out already`,
  refused: {
    'never-list': 'it is on the never-list of the settings',
    near: 'it is this host, its gateway or its resolver',
    'no-host': 'it is no address of a host',
    'too-wide': 'the prefix is too wide; the command line takes it with --force',
    within: 'it is part of a prefix that is locked out already',
    'too-many': 'there are too many prefixes already',
    full: 'the set is full',
  } as Readonly<Record<string, string>>,
  notLocked: (who: string, why: string) => `Not locked out: ${who}, since ${why}`,
  notices: 'What was done',
  undone: 'Undone',
  undo: 'Undo',
  undoLeft: (seconds: number) => `Undo (${seconds})`,
  dismiss: 'Dismiss',
  undoNote: 'undo of a free on the page',
  failed: (why: string) => `That failed: ${why}`,
  liveTitle: 'Live',
  liveNothing: 'Nothing has happened since this page was opened. Lockouts appear here as they come.',
  pause: 'Pause',
  goOn: 'Go on',
  waiting: (n: number) => `${many(n, 'event waits', 'events wait')}`,
  newLockouts: (n: number) => many(n, 'new lockout', 'new lockouts'),
  gap: 'The connection was away: everything was read again',
  storyLocked: (left: string, until: string) => `Locked out for ${left} more, until ${until}`,
  storyForever: 'Locked out for ever',
  storyHeld: 'Held by the kernel for some seconds, not locked out',
  storyFree: 'Not locked out',
  storyNever: (entry: string) => `On the never-list (${entry}): it is never judged`,
  storyUnknown: 'Nothing is known of it: it did nothing that counts.',
  storyDropped: (n: number) => `${many(n, 'packet of it was', 'packets of it were')} dropped lately`,
  storyAlso: 'Since then it also tried (a sample)',
  storyReaches: 'It still reaches',
  happenedLockout: (length: string) => `Locked out for ${length}`,
  happenedSpared: (n: number) => `Let go${n === 1 ? '' : `, ${count(n)} times`}`,
  happenedEnd: (by: string) => `Ended by ${by}`,
  nth: (n: number) => `lockout number ${n} of this source`,
  close: 'Close',
  reportTitle: 'Attackers a day, the last 60 days',
  reportNone: 'No attackers in 60 days. That is good news, or the trap is new here.',
  reportSum: (attackers: number, lockouts: number, most: number) =>
    `${many(attackers, 'attacker', 'attackers')} and ${many(lockouts, 'lockout', 'lockouts')}; the worst day had ${count(most)}`,
  reportTable: 'The same as a table',
  of2006: '397 a day: the first flypaper, 2006',
  of2006Far: 'The first flypaper had 397 a day, in 2006: far above this chart',
  dayColumn: 'Day',
  attackers: 'Attackers',
  lockouts: 'Lockouts',
  packets: 'Packets',
  portsTitle: 'Ports tried',
  networksTitle: 'Networks',
  repeatersTitle: 'Repeaters',
  sparedTitle: 'Let go, and why',
  network: 'Network',
  noneYet: 'None yet. That is good news.',
  noneSpared: 'Nobody was let go: there was nothing to excuse.',
  mapTitle: 'The IPv4 world today',
  mapCaption:
    'Each point is a /16, and neighbours in number are neighbours here (a Hilbert curve). The stronger its colour, the more lockouts since midnight.',
  mapSum: (lockouts: number, nets: number) =>
    `${many(lockouts, 'IPv4 lockout', 'IPv4 lockouts')} since midnight, from ${count(nets)} of 65,536 networks`,
  mapNone: 'Nobody from IPv4 was locked out since midnight. That is good news.',
  mapCut: 'Only the newest are drawn.',
  mapHere: (net: string, n: number) => `${net}: ${many(n, 'lockout', 'lockouts')}`,
  mapBusiest: 'Busiest',
} as const
