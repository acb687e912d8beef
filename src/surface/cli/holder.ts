/** Who has the trap, by the kernel: whoever reads what its rules hand over. */
import { type Firewall, listenedAt } from '../../arm/firewall.ts'
import type { Statement } from '../../arm/ruleset/spec.ts'
import { chooseStatement } from '../../capture/intake.ts'
import type { Settings } from '../../settings/settings.ts'
import { CHANNELS } from '../../terms/channel.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Holder, System } from './system.ts'

interface Held {
  /** `NFLOG group 4242`. */
  readonly place: string
  readonly holder: Holder
}

/** Whoever reads what the trap that is armed here hands over. */
export function holderOfArmed({ holderOf }: System, firewall: Firewall): Held | undefined {
  const armed = listenedAt(firewall.look())
  return armed && held(holderOf, armed.kind, armed.number)
}

/** A flypaperd that reads where these settings would, whether its trap is armed at this moment or not. */
export function daemonAt({ holderOf }: System, { number }: Pick<Settings, 'number'>): Held | undefined {
  const found = (['queue', 'log'] as const).map(kind => held(holderOf, kind, number))
  return found.find(one => one?.holder.isDaemon)
}

/** Throws a Failure (69) where a daemon of these settings would stand beside another one, or in the place of another program. */
export function refuseHeld(system: System, settings: Settings): void {
  const { capture, number } = settings
  using firewall = system.openFirewall()
  const kinds: readonly Statement[] = capture === 'auto' ? ['queue', 'log'] : [capture]
  for (const kind of kinds) {
    const own = held(system.holderOf, kind, number)
    if (own === undefined || kind !== chooseStatement(capture, firewall.supports)) continue
    const all = `${kind === 'queue' ? 'queue' : 'NFLOG group'}s ${number} to ${number + CHANNELS.length - 1}`
    throw taken(`${all} are taken by another program`, own, system)
  }
  const armed = holderOfArmed(system, firewall)
  if (armed !== undefined)
    throw taken(`a trap is armed here, and another program reads its ${armed.place}`, armed, system)
}

function taken(what: string, { holder }: Held, { socket }: System): Failure {
  return new Failure(what, { exit: EXIT.unavailable, hint: `${whoIs(holder, socket)} Nothing was changed.` })
}

function whoIs({ pid, program, isDaemon }: Holder, socket: string): string {
  if (pid === undefined)
    return 'Who that is cannot be seen from here: another user, or a container. If it is a flypaperd, this ends it: sudo flypaperd stop.'
  return isDaemon
    ? `It is a flypaperd (pid ${pid}) that does not answer at ${socket}. To end it: flypaperd stop.`
    : `It is ${program} (pid ${pid}). Set another \`number\` in the settings, or end it.`
}

function held(holderOf: System['holderOf'], kind: Statement, number: number): Held | undefined {
  const holder = holderOf(kind, number)
  return holder && { place: `${kind === 'queue' ? 'queue' : 'NFLOG group'} ${number}`, holder }
}
