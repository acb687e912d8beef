/** What whoever sticks still reaches, besides flows that are opened from here: in one place for all verbs. Pure. */
import type { ServedPort } from '../arm/surroundings.ts'
import type { Lockout } from '../lockout/lockout.ts'
import { portText, type Settings } from '../settings/settings.ts'

export interface Reachable {
  /** As the settings write them: `tcp/80`. Not for whoever was locked out by hand. */
  public: string[]
  /** `udp/51820`. For everybody who has a key. */
  doors: string[]
}

/** `doors`: those of this machine. */
export function reachableOf(
  settings: Pick<Settings, 'public' | 'doors'>,
  doors: () => readonly ServedPort[],
): Reachable {
  return {
    public: settings.public.map(portText),
    doors: settings.doors ? doors().map(([, port]) => `udp/${port}`) : [],
  }
}

/** What this one still reaches; who is only held has no lockout. A person who locked somebody out, or made it longer, meant the public ports as well. */
export function reachableBy(
  { because, by }: Partial<Pick<Lockout, 'because' | 'by'>>,
  { public: open, doors }: Reachable,
): Reachable {
  const isByPerson = because === 'by-hand' || (by !== undefined && because !== 'testimony')
  return { public: isByPerson ? [] : open, doors }
}

export function reachablePorts({ public: open, doors }: Reachable): readonly string[] {
  return [...open, ...doors]
}

/** `tcp/80, tcp/443 (public), udp/51820 (WireGuard)`; undefined where there is nothing. */
export function reachableText({ public: open, doors }: Reachable, of = 'public'): string | undefined {
  const parts = [
    ...(open.length === 0 ? [] : [`${open.join(', ')} (${of})`]),
    ...(doors.length === 0 ? [] : [`${doors.join(', ')} (WireGuard)`]),
  ]
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** The same of all who stick. */
export function reachableByAll(reachable: Reachable): string | undefined {
  return reachableText(reachable, 'public, but not for whoever was locked out by hand')
}
