/**
 * The ways by which packets are handed over to the daemon, each by a queue number or NFLOG group of its own, counted
 * from the setting `number` on: an offence, whose source is held; and evidence too weak for a hold, by a host
 * that we talk to, by a known client, or in a packet that may only be late.
 */
export const CHANNELS = ['offence', 'peer', 'known', 'late'] as const
export type TellingChannel = (typeof CHANNELS)[number]

/** The NFLOG group, counted in the same way, that wakes the daemon (closed = "unaccepted"). */
export const DOORBELL = CHANNELS.length

/** `refused`: weak evidence that the daemon finds in a set by itself: somebody whom we know met a rule of others. */
export type Channel = TellingChannel | 'refused'
