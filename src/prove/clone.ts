/** Two throw-away network namespaces: what a proof needs of Linux. system/clone.ts stands behind it. */

/** The machine's copy, and the world around it, joined by one virtual cable. All in them ends with the process that opened them. */
export interface Clone extends AsyncDisposable {
  readonly gate: Namespace
  readonly outside: Namespace
  /** Takes a change of the clone's network apart from its processes: lines of `ip -batch`. Throws a Failure (69). */
  ip(where: 'gate' | 'outside', lines: readonly string[]): Promise<void>
  /** Runs a command of the gate that may enter the network outside by descriptor 3, for so many milliseconds at most. As `run`. */
  between(command: readonly string[], input: string, patience: number): Promise<Ran>
  /** A third one, behind the gate: it gets this link of the gate, and takes these lines of `ip -batch`. Throws a Failure (69). */
  behind(link: string, lines: readonly string[]): Promise<Namespace>
  /** A directory of the gate that nobody else sees, and that goes with it. */
  readonly directory: string
  /** How to run this flypaperd, and the program of system/in-clone.ts. */
  readonly flypaperd: readonly string[]
  readonly inClone: readonly string[]
}

export interface Namespace {
  /** Runs a command to its end. Throws a Failure (69) where it cannot be run, or takes too long. */
  run(command: readonly string[], input?: string): Promise<Ran>
  /** Starts a program that runs on; resolves when it has said that. Throws a Failure (69), `otherwise` and its last words, when it does not. */
  start(command: readonly string[], says: RegExp, otherwise: string): Promise<void>
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The names of the cable's ends are its own. */
export type OpenClone = (uplink: string) => Promise<Clone>

/** The end of the cable that is outside. */
export const OUTSIDE = 'outside'
/** Ethernet addresses of the cable's ends, known to each other from the start: no rule against ARP is in the way. */
export const MAC = { gate: '02:00:00:00:00:01', outside: '02:00:00:00:00:02' } as const
