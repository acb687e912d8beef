/** Which ports flies go on to try is noted, of a sample that the kernel bounds. Nothing is judged by it. */
import { decode } from '../decode/decode.ts'
import type { Daemon } from './daemon.ts'

/** Who is held only, or within a prefix that was locked out by hand, is no fly. */
export function noteSampled({ state, samples, world }: Daemon, batch: readonly Uint8Array[]): void {
  const now = world.now()
  for (const bytes of batch) {
    const packet = decode(bytes)
    if ('unreadable' in packet) continue
    const fly = state.policy.near.nameFly(packet.source)
    const term = state.flies.get(fly, now)
    if (term !== undefined) samples.saw(fly, term.since, packet.tried, now)
  }
}
