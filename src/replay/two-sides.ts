/** What is sent from both sides of the clone's cable, in order: what the program in the clone gets, and what it tells. */

export interface Play {
  /** The mark of what is sent: everything else is the kernel's own, and is dropped. */
  readonly mark: number
  /** Whether it takes as long as it took. */
  readonly withGaps: boolean
  readonly items: readonly PlayItem[]
}

/** `at`: milliseconds since the first of the file. `bytes`: the packet from its IP header on, as base64. */
export interface PlayItem {
  readonly isOut: boolean
  readonly at: number
  readonly bytes: string
}

/** How many the kernel refused to send, by side and errno: `in 1`, `out 90`. */
export interface Played {
  readonly refused: Readonly<Record<string, number>>
}
