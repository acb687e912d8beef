/** IPv6 prefixes of which many networks have tried a closed port each: the kernel is told, so that their hosts have no free tries. */
import { SetFull } from '../arm/firewall.ts'
import { SUSPECT_SETS } from '../arm/names.ts'
import { BREADTH, BREADTH_SECONDS, type Breadth } from '../judge/breadth.ts'
import { whatOf } from '../judge/evidence.ts'
import type { Address } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import type { Fly } from '../terms/fly.ts'
import type { Daemon, Weighing } from './daemon.ts'
import { isNearby, lockWhole, type Suspect } from './whole-prefixes.ts'

/** What a closed port of this source tells of its prefixes. Where hosts stick one by one nobody has many names for nothing. */
export function breadthOf(
  breadth: Breadth,
  fly: Fly,
  { packet, hook }: Omit<Suspect, 'prefix'>,
  now: number,
): readonly Suspect[] {
  if (!fly.endsWith('/64')) return []
  const source = addressKey(packet.source) as Uint8Array
  return breadth.saw(source, whatOf(packet.tried), now).map(prefix => ({ prefix, packet, hook }))
}

/** Whoever does not fit is not suspect: a full set ends nothing. */
export function suspect(daemon: Weighing, suspects: readonly Suspect[]): void {
  const { ledger, alarms, state } = daemon
  for (const one of suspects) {
    const { prefix } = one
    if (isNearby(daemon, prefix)) continue
    const set = prefix.length === 56 ? 'flypaper_suspect_56' : 'flypaper_suspect_48'
    const element = prefix.text.replace(/\/.*/, '') as Address
    try {
      ledger.firewall.change([{ change: 'add', set, elements: [{ element, seconds: BREADTH_SECONDS }] }])
      alarms.suspect(
        `${prefix.text} is suspect: ${BREADTH} networks of it tried a closed port each; for an hour whoever asks for an excusable port there is held at the first`,
      )
    } catch (error) {
      if (!(error instanceof SetFull)) ledger.refused(error)
    }
    if (state.policy.settings.lockout.wholePrefixes) lockWhole(daemon, one)
  }
}

/** A person frees a whole prefix, or everybody. */
export function forgetSuspects({ state, ledger }: Daemon): void {
  state.breadth.forgetAll()
  ledger.firewall.change(SUSPECT_SETS.map(set => ({ change: 'empty', set })))
}
