/** Time passes: what is done once a second while there is something to do, and what follows a clock that was set. */
import type { Daemon } from './daemon.ts'
import { shiftNever } from './never-by-hand.ts'
import { shiftPause, takeUpPause } from './pause.ts'

/** Remembers and tells who was let go since the last time; tells whether there is more to do in the next second. */
export function everySecond(daemon: Daemon): boolean {
  const { sightings: buffer, samples, world, deferrals, state, care } = daemon
  const sightings = buffer.take()
  for (const sighting of sightings) world.events.tell({ event: 'spared', sighting })
  world.history.addSightings(sightings)
  world.history.addSamples(samples.take())
  deferrals.note(state.promotion.deferred() - deferrals.total, world.now())
  const isMore = care.second()
  takeUpPause(daemon)
  return isMore || !state.isPauseKnown
}

/** The clock was set by so many milliseconds: all times move with it. */
export function followClock(daemon: Daemon, stepped: number): void {
  daemon.state.flies.shift(stepped)
  shiftPause(daemon, stepped)
  shiftNever(daemon, stepped)
  daemon.ring.note({ note: 'clock', stepped })
}
