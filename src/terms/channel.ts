/**
 * The ways by which packets are handed over to the daemon, each by a queue number or NFLOG group of its own, counted
 * from the setting `number` on. The kernel's sets know who a source is and which port is which, so the way tells both: an
 * offence of a stranger, who is held; what a host that we talk to or a known client tried; and what is excusable, of a
 * stranger or of a known client.
 */
export const CHANNELS = ['offence', 'peer', 'known', 'late', 'known-late'] as const
export type TellingChannel = (typeof CHANNELS)[number]

/** The NFLOG group, counted in the same way, that wakes the daemon (closed = "unaccepted"). */
export const DOORBELL = CHANNELS.length

/** The one after it: copies of some of the packets of flies (`history.samples_per_second`). */
export const SAMPLE = DOORBELL + 1

/** `refused`: weak evidence that the daemon finds in a set by itself: somebody whom we know met a rule of others. */
export type Channel = TellingChannel | 'refused'
