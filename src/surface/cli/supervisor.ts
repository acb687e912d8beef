/** Whoever started the daemon and wants to hear how it is: systemd, or nobody. */

/** The port; system/systemd.ts implements it. Nothing here fails, whoever listens. */
export interface Supervisor {
  /** Milliseconds between two signs of life: half of what the watchdog waits for. Undefined: nobody wants any. */
  readonly interval: number | undefined
  /** The trap is armed, at the start and after a reload. */
  ready(status: string): void
  alive(status: string): void
  reloading(): void
  stopping(): void
}

/**
 * Says that the trap is armed, and goes on to give signs of life until disposed of. They come from the event loop
 * that reads the packets: when that is stuck, they stay away.
 */
export function report(supervisor: Supervisor, flies: () => number): Disposable {
  const status = () => statusOf(flies())
  supervisor.ready(status())
  const { interval } = supervisor
  const timer = interval === undefined ? undefined : setInterval(() => supervisor.alive(status()), interval)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

export function statusOf(flies: number): string {
  return `armed, ${flies === 1 ? '1 fly' : `${flies} flies`}`
}
