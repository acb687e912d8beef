/** What can happen to the daemon: one closed union. Sources make inputs, step.ts takes the state through them. */
import type { TimedFly } from '../arm/flies.ts'
import type { Captured } from '../capture/capture.ts'
import type { Refused } from '../capture/refused.ts'
import type { Strange } from '../keep/external-changes.ts'
import type { Locked, LockOrder, Wish } from '../lockout/decide/lock.ts'
import type { Testified, Word } from '../lockout/decide/testify.ts'
import type { Freed } from '../lockout/free.ts'
import type { Testifier } from '../lockout/lockout.ts'
import type { NeverWish } from '../settings/never-by-hand.ts'
import type { Settings } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'
import type { Fly } from '../terms/fly.ts'
import type { Forgotten } from './forgetting.ts'
import type { NamedAnswer } from './named-hosts.ts'
import type { NeverAdded, NeverRemoved } from './never-by-hand.ts'

export type Input =
  /** Packets that nobody accepted. */
  | { readonly input: 'packets'; readonly batch: readonly Captured[] }
  /** Copies of some packets of flies, from the IP header on. */
  | { readonly input: 'sampled'; readonly batch: readonly Uint8Array[] }
  /** What the chains of others refused; `pending` are the sources that the kernel holds for it. */
  | { readonly input: 'refused'; readonly refused: readonly Refused[]; readonly pending: ReadonlySet<string> }
  /** Somebody else took these out of the kernel's set, ... */
  | { readonly input: 'released'; readonly gone: readonly Fly[]; readonly by: string }
  /** ... or put these in. */
  | { readonly input: 'found'; readonly found: readonly TimedFly[]; readonly by: string }
  /** The kernel's set is not as it should be: these are missing or have another time, `refill` may be missing, `stale` should not be there. */
  | {
      readonly input: 'mend'
      readonly restore?: readonly TimedFly[]
      readonly refill?: readonly TimedFly[]
      readonly stale?: readonly Fly[]
    }
  /** The trap, or a part of it, is gone or another; others have put `strange` into its sets. Throws what keeps it from being armed again. */
  | { readonly input: 'rearm'; readonly strange: readonly Strange[] }
  | { readonly input: 'lock'; readonly wishes: readonly Wish[]; readonly order: LockOrder }
  /** What another host or tool says of sources; and what its author takes back, of these hosts. */
  | { readonly input: 'testify'; readonly words: readonly Word[]; readonly testifier: Testifier }
  | { readonly input: 'withdraw'; readonly wanted: readonly Prefix[]; readonly testifier: Testifier }
  /** Many are freed piece by piece, and packets have their turn between two of them; `freed` is told of each piece. */
  | {
      readonly input: 'free'
      readonly wanted: readonly Prefix[]
      readonly by: string
      readonly freed: (piece: Freed) => void
      /** Those of the flies that overlap a wider prefix, which stay all the same. */
      readonly keeps?: (fly: Fly) => boolean
    }
  /** What is remembered of these is removed, piece by piece; they were freed before. */
  | { readonly input: 'forget'; readonly prefixes: readonly Prefix[]; readonly by: string }
  /** These at once: not for many. */
  | { readonly input: 'free-these'; readonly sources: readonly Fly[]; readonly by: string }
  /** Piece by piece as well. */
  | { readonly input: 'flush'; readonly by: string }
  /** Who looks names up outside has found these hosts; they count for so long unless he says so again. Throws a Failure for what no name has. */
  | {
      readonly input: 'name'
      readonly name: string
      readonly hosts: readonly string[]
      readonly seconds: number
    }
  /** It is time to renew whom the kernel knows by a name. Tells in how many seconds it is again; undefined: when there is one. */
  | { readonly input: 'named' }
  /** For so long nobody new is held or locked out; 0 ends it. */
  | { readonly input: 'pause'; readonly seconds: Seconds; readonly by: string }
  /** Rejects with a Failure for settings that cannot be taken; the old ones stay in force then. */
  | { readonly input: 'reload'; readonly settings: Settings }
  /** These are never judged from now on, and are freed; `freed` is told of each piece. Rejects with a Failure (69) and changes nothing. */
  | { readonly input: 'never-add'; readonly wish: NeverWish; readonly freed: (piece: Freed) => void }
  /** These entries go. */
  | { readonly input: 'never-remove'; readonly prefixes: readonly Prefix[]; readonly by: string }
  /** The time of an entry may be over. */
  | { readonly input: 'never-over' }
  /** The clock was set by so many milliseconds. */
  | { readonly input: 'clock'; readonly stepped: number }
  /** A second in which there was something to do. Tells whether there is more for the next one. */
  | { readonly input: 'second' }
  /** It is time to ask who of the flies goes on trying, piece by piece. Tells when the next is due, in milliseconds since the epoch. */
  | { readonly input: 'ask' }
  /** It is time to ask conntrack which hosts are in use, piece by piece. Tells in how many seconds it is again. */
  | { readonly input: 'in-use' }
  /** A minute is over, or an address or route has changed: this machine is looked at again. */
  | { readonly input: 'look' }
  /**
   * Others may have changed their rules: closed = "auto" follows. Tells in how many seconds it wants to look again; undefined: at the next change.
   */
  | { readonly input: 'follow' }

/** What each input answers. */
export interface Answers {
  readonly lock: Locked
  readonly testify: Promise<Testified>
  /** Who is free by it. */
  readonly withdraw: readonly Fly[]
  readonly free: Promise<void>
  readonly forget: Promise<Forgotten>
  readonly 'free-these': Freed
  /** How many flies there were. */
  readonly flush: Promise<number>
  readonly name: NamedAnswer
  readonly named: number | undefined
  readonly reload: Promise<void>
  readonly 'never-add': Promise<NeverAdded>
  readonly 'never-remove': Promise<NeverRemoved>
  readonly second: boolean
  readonly ask: Promise<number>
  readonly 'in-use': Promise<number>
  readonly follow: number | undefined
}

export type Kind = Input['input']
export type InputOf<K extends Kind> = Extract<Input, { readonly input: K }>
export type AnswerTo<K extends Kind> = K extends keyof Answers ? Answers[K] : unknown
